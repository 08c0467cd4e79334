/**
 * How a person ends a job: aborts it, has it undone, or ends the undoing. One machine, so that all who wait look at
 * the same state. Every transition is in this table, and is asserted:
 *
 * | state           | abort by Signal | undo by Signal  | abort by answer | undo by answer  | undo begins     |
 * |-----------------|-----------------|-----------------|-----------------|-----------------|-----------------|
 * | running         | aborted         | undo-requested  | aborted         | undo-requested  | carried         |
 * | aborted         | .               | refused         | . (latest)      | undo-requested  | carried-aborted |
 * | undo-requested  | undo-revoked    | refused         | . (latest)      | . (latest)      | undoing         |
 * | undo-revoked    | .               | refused         | . (latest)      | . (latest)      | undoing-stopped |
 * | undoing         | undoing-stopped | refused         | undoing-stopped | undoing-stopped | .               |
 * | undoing-stopped | .               | refused         | . (latest)      | . (latest)      | .               |
 * | carried         | carried-aborted | undoing         | carried-stopped | impossible      | .               |
 * | carried-stopped | carried-both    | undoing-stopped | . (latest)      | impossible      | .               |
 * | carried-aborted | .               | refused         | carried-both    | impossible      | .               |
 * | carried-both    | .               | refused         | . (latest)      | impossible      | .               |
 *
 * So a job goes from running to aborted, and ends; or by undo-requested to undoing, and ends undone, or stopped when a
 * person ends the undoing. `.`: the state stays and the first failure counts, or with `(latest)` the latest one.
 * The carried states are those of a Run whose undoing was requested in an earlier Run and carried over by
 * continue-as-new: it begins without an abort of its own. There an abort by Signal is noted and does not stop the
 * undoing.
 * `impossible`: an answer with `compensate` is refused while a job is undone, and a carried undoing begins without
 * questions.
 *
 * What is in flight is cancelled after every event but an abort by answer; what waits for an answer sees it by itself.
 *
 * Invariants
 * 1. A state has exactly the facts that its row in `STATES` names.
 * 2. `end` may come in every state and changes none: from then on nobody waits for an answer.
 */
import type { ApplicationFailure } from '@temporalio/workflow';
import { invariant } from '../../model/invariant.ts';

/** Why a job is undone; carried by continue-as-new. */
export interface Undoing {
  readonly by: string;
  readonly reason: string;
  /** The question whose answer it was; null: an `abort` without a question. */
  readonly question: string | null;
  readonly notes: readonly string[];
}

interface Facts {
  /** A person aborted the job in this Run. */
  readonly aborted: boolean;
  /** A person aborted it with `compensate` in this Run. */
  readonly undoing: boolean;
  /** The undoing has begun: no step runs any more. */
  readonly begun: boolean;
  /** A person ended the undoing. */
  readonly stopped: boolean;
}

/** Letters for the facts that hold: Aborted, Undoing, Begun, Stopped. */
function facts(letters: string): Facts {
  return {
    aborted: letters.includes('A'),
    undoing: letters.includes('U'),
    begun: letters.includes('B'),
    stopped: letters.includes('S'),
  };
}

const STATES = {
  running: facts(''),
  aborted: facts('A'),
  'undo-requested': facts('AU'),
  'undo-revoked': facts('AUS'),
  undoing: facts('AUB'),
  'undoing-stopped': facts('AUBS'),
  carried: facts('B'),
  'carried-stopped': facts('BS'),
  'carried-aborted': facts('AB'),
  'carried-both': facts('ABS'),
} as const;
export type EndingState = keyof typeof STATES;

const EVENTS = ['abort-by-signal', 'undo-by-signal', 'abort-by-answer', 'undo-by-answer', 'undo-begins'] as const;
type EndingEvent = (typeof EVENTS)[number];
type Target = EndingState | '.' | 'refused' | 'impossible';

/** Columns as in `EVENTS`. */
const TRANSITIONS: Readonly<Record<EndingState, readonly [Target, Target, Target, Target, Target]>> = {
  running: ['aborted', 'undo-requested', 'aborted', 'undo-requested', 'carried'],
  aborted: ['.', 'refused', '.', 'undo-requested', 'carried-aborted'],
  'undo-requested': ['undo-revoked', 'refused', '.', '.', 'undoing'],
  'undo-revoked': ['.', 'refused', '.', '.', 'undoing-stopped'],
  undoing: ['undoing-stopped', 'refused', 'undoing-stopped', 'undoing-stopped', '.'],
  'undoing-stopped': ['.', 'refused', '.', '.', '.'],
  carried: ['carried-aborted', 'undoing', 'carried-stopped', 'impossible', '.'],
  'carried-stopped': ['carried-both', 'undoing-stopped', '.', 'impossible', '.'],
  'carried-aborted': ['.', 'refused', 'carried-both', 'impossible', '.'],
  'carried-both': ['.', 'refused', '.', 'impossible', '.'],
};

export class Ending {
  #state: EndingState = 'running';
  #aborted: ApplicationFailure | undefined;
  #undoing: Undoing | undefined;
  #stopped: ApplicationFailure | undefined;
  #hasEnded = false;

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

  /** Has the undoing begun? */
  get isUndoing(): boolean {
    return STATES[this.#state].begun;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  throwIfAborted(): void {
    if (this.#aborted !== undefined) throw this.#aborted;
  }

  /** Why an `abort` with `compensate` can't be used by Signal now; undefined when it can. */
  whyNoUndo(): string | undefined {
    if (this.#target('undo-by-signal') !== 'refused') return undefined;
    return this.#undoing === undefined
      ? 'the job was aborted already'
      : 'the job is being undone already; abort without compensate ends that';
  }

  /** A person ends the job, or the undoing that was requested in this Run. The first failure counts. */
  abortBySignal(failure: ApplicationFailure): void {
    this.#move('abort-by-signal', () => {
      if (this.#undoing === undefined) this.#aborted ??= failure;
      else this.#stopped ??= failure;
    });
  }

  /** A person ends the job and wants what it did undone; only where `whyNoUndo` has no objection. */
  undoBySignal(failure: ApplicationFailure, undoing: Undoing): void {
    this.#move('undo-by-signal', () => {
      this.#undoing = undoing;
      this.#aborted ??= failure;
    });
  }

  /** The answer `abort`: ends the job, or the undoing once it has begun. The latest failure counts. */
  abortByAnswer(failure: ApplicationFailure): void {
    this.#move('abort-by-answer', () => this.#failBy(failure));
  }

  /** The answer `abort` with `compensate`; it ends the undoing where one has begun meanwhile. */
  undoByAnswer(failure: ApplicationFailure, undoing: Undoing): void {
    this.#move('undo-by-answer', () => {
      this.#undoing = undoing;
      this.#failBy(failure);
    });
  }

  /** From here on no step runs any more. Safe to repeat. */
  beginUndo(): void {
    this.#move('undo-begins', () => undefined);
  }

  /** Nobody waits for an answer any more; the job's release withdraws what was asked. Safe to repeat. */
  end(): void {
    this.#hasEnded = true;
  }

  #failBy(failure: ApplicationFailure): void {
    if (this.isUndoing) this.#stopped = failure;
    else this.#aborted = failure;
  }

  #target(event: EndingEvent): Target {
    return TRANSITIONS[this.#state][EVENTS.indexOf(event)]!;
  }

  /** @param note takes down what comes with the event; it still sees the state from before */
  #move(event: EndingEvent, note: () => void): void {
    const target = this.#target(event);
    invariant(
      target !== 'refused' && target !== 'impossible',
      `a job that is ${this.#state} has no transition for ${event}`,
    );
    note();
    if (target !== '.') this.#state = target;
    const { aborted, undoing, stopped } = STATES[this.#state];
    invariant(
      aborted === (this.#aborted !== undefined) &&
        undoing === (this.#undoing !== undefined) &&
        stopped === (this.#stopped !== undefined),
      `after ${event} a job that is ${this.#state} has not the facts of that state`,
    );
  }
}
