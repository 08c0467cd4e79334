/**
 * What stands before the undoing of a job: an Activity begins it, again and again until nothing is in its way; a person
 * answers what is.
 *
 * Invariant: when it begins, the questions that are open are closed.
 */
import { condition, type ApplicationFailure } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import type { BeginUndoRequest, BeginUndoResult } from '../../model/job/undo.ts';
import type { Question } from '../../model/question/question.ts';
import type { Ending } from '../state/ending.ts';
import type { Knowledge } from '../state/knowledge.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { RunOrigin } from '../state/run-origin.ts';
import type { SearchAttributes } from '../state/search-attributes.ts';

export interface UndoGateOptions {
  readonly origin: RunOrigin;
  readonly knowledge: Knowledge;
  readonly ending: Ending;
  readonly questions: OpenQuestions;
  readonly attributes: SearchAttributes;
}

/** What the Run itself contributes to a request; the caller adds who undoes, why, and why it begins again. */
export type UndoBase = Omit<BeginUndoRequest, 'reason' | 'detail' | 'by' | 'why'>;
export type ReadyUndo = Extract<BeginUndoResult, { kind: 'ready' }>;
type Begin = (base: UndoBase) => Promise<BeginUndoResult>;

export class UndoGate {
  readonly #options: UndoGateOptions;

  constructor(options: UndoGateOptions) {
    this.#options = options;
  }

  /** Why a person ended the undoing, if one did. */
  get stopped(): ApplicationFailure | undefined {
    return this.#options.ending.stopped;
  }

  /** From here on no step runs, and what the steps asked is asked no more. */
  enter(): void {
    const { ending, questions } = this.#options;
    if (ending.isUndoing) return;
    ending.beginUndo();
    questions.clear();
  }

  /**
   * Begins to undo, once a person has decided what must be decided first. Returns why a person ended it, if one did.
   */
  async begin(begin: Begin): Promise<ReadyUndo | ApplicationFailure> {
    for (;;) {
      const result = await this.beginOnce(begin);
      if (result.kind === 'ready') return result;
      const stopped = await this.whenAnswered(result.question);
      if (stopped !== undefined) return stopped;
    }
  }

  async beginOnce(begin: Begin): Promise<BeginUndoResult> {
    const { origin, knowledge, attributes } = this.#options;
    // What the Workflow knows of single steps plays no part: all that the record has is undone.
    const result = await begin(defined({ ...origin, base: knowledge.base, known: knowledge.known }));
    attributes.areKnown = result.searchAttributes;
    knowledge.term = result.term;
    if (result.kind === 'ready') knowledge.advance(result.at);
    return result;
  }

  /** Asks a person and waits for the answer. Returns why the undoing ends, if that was the answer. */
  async whenAnswered(question: Question): Promise<ApplicationFailure | undefined> {
    const { ending, questions } = this.#options;
    questions.ask(question);
    await condition(() => ending.stopped !== undefined || !questions.has(question.digest));
    return ending.stopped;
  }
}
