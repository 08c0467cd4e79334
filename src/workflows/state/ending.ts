/**
 * How a job ends, with what people said of it: the machine of `model/job/ending.ts`.
 *
 * Invariants
 * 1. A state has exactly the facts that belong to it; once they are noted they stay: the first abort counts.
 * 2. `isPrompt` is the same for a whole Run: it is found out at the first abort, and remembered.
 */
import type { ApplicationFailure } from '@temporalio/workflow';
import { invariant } from '../../model/invariant.ts';
import {
  hasUndoingBegun,
  nextEnding,
  whyRefused,
  whyUndecidable,
  type EndingEvent,
  type EndingState,
} from '../../model/job/ending.ts';

/** Why a job is undone; carried by continue-as-new. */
export interface Undoing {
  readonly by: string;
  readonly reason: string;
  /** The question whose answer it was; null: an `abort` without a question. */
  readonly question: string | null;
  readonly notes: readonly string[];
}

/** The facts of a state: Aborted, Undoing, Stopped. Of `ending`: whatever came before. */
const FACTS: Readonly<Record<Exclude<EndingState, 'ending'>, string>> = {
  running: '',
  cancelled: '',
  aborted: 'A',
  'undo-requested': 'AU',
  'undo-revoked': 'AUS',
  undoing: 'AU',
  'undo-stopped': 'AUS',
};

export interface EndingOptions {
  /** Does an abort end all that is in flight at once? Asked once, when one comes. */
  readonly isPrompt: () => boolean;
  /** The undoing that an earlier Run has begun and that this one carries on, with the job's failure. */
  readonly carried?: { readonly undoing: Undoing; readonly failure: ApplicationFailure } | undefined;
}

export class Ending {
  readonly #options: EndingOptions;
  /** Is the undoing that of an earlier Run? */
  readonly isCarried: boolean;
  #state: EndingState;
  #isPrompt: boolean | undefined;
  #isUndoing: boolean;
  #aborted: ApplicationFailure | undefined;
  #undoing: Undoing | undefined;
  #stopped: ApplicationFailure | undefined;

  constructor(options: EndingOptions) {
    this.#options = options;
    this.isCarried = options.carried !== undefined;
    this.#state = this.isCarried ? 'undoing' : 'running';
    this.#isUndoing = this.isCarried;
    this.#aborted = options.carried?.failure;
    this.#undoing = options.carried?.undoing;
  }

  get state(): EndingState {
    return this.#state;
  }

  /** What the job fails with, once a person has aborted it. */
  get aborted(): ApplicationFailure | undefined {
    return this.#aborted;
  }

  /** Set once a person has aborted the job with `compensate`. */
  get undoing(): Undoing | undefined {
    return this.#undoing;
  }

  /** Set once a person has ended the undoing. */
  get stopped(): ApplicationFailure | undefined {
    return this.#stopped;
  }

  /** Has the undoing begun? It stays so when the job ends. */
  get isUndoing(): boolean {
    return this.#isUndoing;
  }

  get hasEnded(): boolean {
    return this.#state === 'ending';
  }

  /** Does an abort end at once all that is in flight: a restart that waits, a repair that can't be completed? */
  get isPrompt(): boolean {
    return (this.#isPrompt ??= this.#options.isPrompt());
  }

  throwIfAborted(): void {
    if (this.#aborted !== undefined) throw this.#aborted;
  }

  /** Why what a person asks for can't be done now; undefined when it can. */
  whyRefused(event: 'abort' | 'undo'): string | undefined {
    return whyRefused(this.#state, event);
  }

  /** Why no question is answered any more; undefined when it is. */
  get whyUndecidable(): string | undefined {
    return whyUndecidable(this.#state);
  }

  /** A person ends the job, or its undoing; only where `whyRefused` has no objection. */
  abort(failure: ApplicationFailure): void {
    this.#move('abort', () => {
      if (this.#undoing === undefined) this.#aborted ??= failure;
      else this.#stopped ??= failure;
    });
  }

  /** A person ends the job and wants what it did undone; only where `whyRefused` has no objection. */
  undo(failure: ApplicationFailure, undoing: Undoing): void {
    this.#move('undo', () => {
      this.#undoing = undoing;
      this.#aborted = failure;
    });
  }

  /** Temporal cancels the job. */
  cancel(): void {
    this.#move('cancel', () => undefined);
  }

  /** From here on no step runs any more. Safe to repeat. */
  beginUndo(): void {
    this.#move('undo-begins', () => undefined);
  }

  /** Nobody waits for an answer any more; the job's release withdraws what was asked. Safe to repeat. */
  end(): void {
    this.#move('end', () => undefined);
  }

  /** @param note takes down what comes with the event; it still sees the state from before */
  #move(event: EndingEvent, note: () => void): void {
    const next = nextEnding(this.#state, event);
    note();
    this.#state = next;
    this.#isUndoing ||= hasUndoingBegun(next);
    if (next === 'ending') return;
    const facts = FACTS[next];
    invariant(
      facts.includes('A') === (this.#aborted !== undefined) &&
        facts.includes('U') === (this.#undoing !== undefined) &&
        facts.includes('S') === (this.#stopped !== undefined),
      `after ${event} a job that is ${next} has not the facts of that state`,
    );
  }
}
