/**
 * The questions that the Workflow waits for an answer to, and what people see of them.
 *
 * Invariants
 * 1. Once the job has ended, none is listed: the job's release withdraws them in the ledger.
 * 2. A question that was settled is not put again by an answer that was on its way meanwhile: nobody could answer it.
 */
import { condition } from '@temporalio/workflow';
import { isAboutTheWorld, type Question } from '../../model/question/question.ts';
import { isPartOf } from '../../model/sub-step-id.ts';
import { isPatched } from '../patches.ts';
import type { Ending } from './ending.ts';
import type { SearchAttributes } from './search-attributes.ts';
import type { WorkerWatch } from './worker-watch.ts';

export interface OpenQuestionsOptions {
  readonly ending: Ending;
  readonly attributes: SearchAttributes;
  readonly watch: Pick<WorkerWatch, 'isWaiting'>;
}

export class OpenQuestions {
  readonly #questions = new Map<string, Question>();
  /** Digest → which of those that were settled in this Run it was. */
  readonly #settled = new Map<string, number>();
  /** What is waited for, by digest: how often. */
  readonly #waitedFor = new Map<string, number>();
  /** What an earlier Run asked and this one has not asked again yet. */
  readonly #adopted = new Set<string>();
  readonly #ending: Ending;
  readonly #attributes: SearchAttributes;
  readonly #watch: Pick<WorkerWatch, 'isWaiting'>;
  /** Called when what people see has changed. */
  onChange: () => void = () => undefined;

  constructor({ ending, attributes, watch }: OpenQuestionsOptions) {
    this.#ending = ending;
    this.#attributes = attributes;
    this.#watch = watch;
  }

  /** In the order in which they were asked. */
  get all(): readonly Question[] {
    return this.#ending.hasEnded ? [] : [...this.#questions.values()];
  }

  /** Is a question open that holds back every step? */
  get isAboutTheWorld(): boolean {
    return this.all.some(isAboutTheWorld);
  }

  /** Has nobody an answer that it has not gone on with yet? */
  get isAllUnanswered(): boolean {
    return [...this.#waitedFor.keys()].every((digest) => this.#questions.has(digest));
  }

  /** What an earlier Run waited for, so that it can be answered before it has been asked again. */
  adopt(questions: readonly Question[]): void {
    for (const question of questions) {
      this.#questions.set(question.digest, question);
      this.#adopted.add(question.digest);
    }
  }

  /** The step was requested again: what it asked in an earlier Run is asked again as `now`, or not at all. */
  closeAdopted(stepId: string, now: readonly Question[]): void {
    if (this.#adopted.size === 0) return;
    const isMeant = (question: Question): boolean => isAskedBy(question, stepId) && !isAmong(question, now);
    this.closeAll((question) => this.#adopted.has(question.digest) && isMeant(question));
  }

  /** The same of what its sub-steps have asked in this Run: the step's result has all that they ask now. */
  closeOfSubSteps(stepId: string, now: readonly Question[]): void {
    if (this.#questions.size === 0) return;
    const isOver = (question: Question): boolean =>
      question.stepId !== stepId && isAskedBy(question, stepId) && !isAmong(question, now);
    if (!this.all.some(isOver)) return;
    this.closeAll(isOver);
    this.show();
  }

  get(digest: string): Question | undefined {
    return this.#questions.get(digest);
  }

  has(digest: string): boolean {
    return this.#questions.has(digest);
  }

  /** How many were settled in this Run: what a request is made after. */
  get settledCount(): number {
    return this.#settled.size;
  }

  /** @param since how many were settled when the request was made whose result the question is */
  ask(question: Question, since = this.settledCount): void {
    const settled = this.#settled.get(question.digest) ?? 0;
    if (settled > since && isPatched('a-settled-question-stays-settled')) return;
    this.#questions.set(question.digest, question);
    this.show();
  }

  /** Closes it because a decision has settled it. */
  settle(digest: string): void {
    this.close(digest);
    this.#settled.set(digest, this.#settled.size + 1);
  }

  /** Closes it without showing that: a caller that closes the last one shows what comes next. */
  close(digest: string): void {
    this.#questions.delete(digest);
  }

  /** Closes those listed that `isMeant` picks. */
  closeAll(isMeant: (question: Question) => boolean): void {
    for (const question of this.all) if (isMeant(question)) this.close(question.digest);
  }

  /** Closes all: an undoing begins without questions. */
  clear(): void {
    this.#questions.clear();
    this.show();
  }

  /**
   * Waits for the answer.
   * @param limitMs waits no longer than this. Default: for as long as it takes
   * @throws ApplicationFailure `aborted`, when a person aborts the job meanwhile
   */
  async whenAnswered(digest: string, limitMs?: number): Promise<void> {
    await this.whenOneAnswered([digest], limitMs);
  }

  /** The same of several: waits until one of them is answered. */
  async whenOneAnswered(digests: readonly string[], limitMs?: number): Promise<void> {
    const isOver = (): boolean =>
      this.#ending.aborted !== undefined || digests.some((digest) => !this.#questions.has(digest));
    for (const digest of digests) this.#waitedFor.set(digest, (this.#waitedFor.get(digest) ?? 0) + 1);
    try {
      if (limitMs === undefined) await condition(isOver);
      else await condition(isOver, limitMs);
    } finally {
      for (const digest of digests) this.#noteWaitEnded(digest);
    }
    this.#ending.throwIfAborted();
  }

  #noteWaitEnded(digest: string): void {
    const others = this.#waitedFor.get(digest)! - 1;
    if (others === 0) this.#waitedFor.delete(digest);
    else this.#waitedFor.set(digest, others);
  }

  show(): void {
    this.onChange();
    const discrepancies = this.all.reduce((sum, question) => sum + question.findingsTotal, 0);
    this.#attributes.show(this.#state, discrepancies);
  }

  get #state(): 'waiting' | 'no-worker' | 'undoing' | 'running' {
    if (this.#questions.size > 0) return 'waiting';
    if (this.#watch.isWaiting) return 'no-worker';
    return this.#ending.isUndoing ? 'undoing' : 'running';
  }
}

/** By the step, or a sub-step in its code. */
function isAskedBy({ stepId: asker }: Question, stepId: string): boolean {
  return asker !== undefined && isPartOf(asker, stepId);
}

function isAmong({ digest }: Question, questions: readonly Question[]): boolean {
  return questions.some((one) => one.digest === digest);
}
