/**
 * The comparison of the world with the record, as the Workflow sees it.
 *
 * Invariants
 * 1. It is single-flight: who comes while one runs waits for that one.
 * 2. It ends only when nothing differs, with every difference decided by a person before.
 */
import { defined } from '../../model/defined.ts';
import { shortDigest } from '../../model/digest.ts';
import type { VerificationReason, VerifyWorldResult } from '../../model/job/verify-world.ts';
import { isAboutTheWorld, type Question } from '../../model/question/question.ts';
import { callVerifyWorld } from '../activities.ts';
import type { Ending } from '../state/ending.ts';
import type { Knowledge } from '../state/knowledge.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { RunOrigin } from '../state/run-origin.ts';
import type { SearchAttributes } from '../state/search-attributes.ts';

export interface VerificationOptions {
  readonly origin: RunOrigin;
  readonly knowledge: Knowledge;
  readonly ending: Ending;
  readonly questions: OpenQuestions;
  readonly attributes: SearchAttributes;
  /** Steps that are requested now. */
  readonly requested: ReadonlySet<string>;
}

export class Verification {
  readonly #options: VerificationOptions;
  #current: Promise<void> | undefined;
  #count = 0;
  #last = 'not yet';
  #mark: number | undefined;
  /** Steps that the last comparison was made for and that have not been requested since. */
  readonly #coveredSteps = new Set<string>();

  constructor(options: VerificationOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  /** For people: how often the world was compared in this Run, and why the last time. */
  get summary(): { readonly count: number; readonly last: string } {
    return { count: this.#count, last: this.#last };
  }

  /** The next request for the step may name the comparison that was just made. */
  cover(stepId: string): void {
    this.#coveredSteps.add(stepId);
  }

  /** The mark of the comparison that was just made for the step; it can be named once. */
  takeMark(stepId: string): number | undefined {
    return this.#coveredSteps.delete(stepId) ? this.#mark : undefined;
  }

  /** Compares the world with the record until nothing differs. @throws ApplicationFailure `aborted` */
  async verify(reason: VerificationReason, detail: string): Promise<void> {
    if (this.#current !== undefined) return await this.#current;
    this.#current = this.#verifyUntilSettled(reason, detail);
    try {
      await this.#current;
    } finally {
      this.#current = undefined;
      this.#options.questions.show();
    }
  }

  async #verifyUntilSettled(reason: VerificationReason, detail: string): Promise<void> {
    const { origin, knowledge, ending, questions, requested } = this.#options;
    for (;;) {
      ending.throwIfAborted();
      this.#last = `${reason}: ${detail}`;
      this.#count += 1;
      const result = await callVerifyWorld(
        defined({
          ...origin,
          known: knowledge.known,
          steps: knowledge.steps,
          reason,
          detail: detail.slice(0, 500),
          asking: [...requested],
        }),
      );
      this.#note(result);
      if (result.kind === 'verified') return;
      questions.ask(result.question);
      await questions.whenAnswered(result.question.digest);
      reason = 'decided';
      detail = detailOf(result.question);
    }
  }

  #note(result: VerifyWorldResult): void {
    const { knowledge, questions, attributes } = this.#options;
    attributes.areKnown = result.searchAttributes;
    knowledge.term = result.term;
    const asked = result.kind === 'question' ? result.question.digest : undefined;
    // The ledger has withdrawn the questions about the world that it does not return.
    questions.closeAll((question) => isAboutTheWorld(question) && question.digest !== asked);
    if (result.kind !== 'verified') return;
    this.#mark = result.mark;
    knowledge.advance(result.at);
  }
}

/** Why the world is compared after an answer. */
export function detailOf(question: Question): string {
  return `question ${shortDigest(question.digest)}`;
}
