/**
 * The checkpoints of a job that the record may not have yet. Requests for steps carry them; the answer says that they
 * are recorded.
 *
 * Invariants
 * 1. Each follows the one before, so that the record has them in order or not at all.
 * 2. All of it comes from the history: a replay, and a Workflow that starts anew, notes the same.
 */
import { MAX_NOTED, noteOf, type CheckpointNote } from '../../model/checkpoint/note.ts';
import { defined } from '../../model/defined.ts';
import type { Digest } from '../../model/digest.ts';
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import { someOf } from '../../model/list.ts';

/** What a new Run is given. */
export interface CarriedCheckpoints {
  readonly last: Digest;
  /** The super-step of the last one. */
  readonly step: number;
  /** Noted, and not known to be recorded. */
  readonly pending?: readonly CheckpointNote[];
}

/** A checkpoint without what follows from its place. */
export type NewCheckpoint = Pick<CheckpointNote, 'source' | 'step' | 'tasks' | 'next' | 'begins' | 'writes'>;

export class CheckpointNotes {
  #last: Digest | undefined;
  #lastStep: number | undefined;
  #pending: readonly CheckpointNote[];
  #isOnItsWay = false;

  constructor(carried: CarriedCheckpoints | undefined) {
    this.#last = carried?.last;
    this.#lastStep = carried?.step;
    this.#pending = carried?.pending ?? [];
  }

  /** The super-step of the last one; -1: the input. */
  get lastStep(): number | undefined {
    return this.#lastStep;
  }

  get carried(): CarriedCheckpoints | undefined {
    if (this.#last === undefined || this.#lastStep === undefined) return undefined;
    return { last: this.#last, step: this.#lastStep, ...defined({ pending: someOf(this.#pending) }) };
  }

  note({ tasks, next, ...fields }: NewCheckpoint): CheckpointNote {
    const more = defined({ tasks: beyond(tasks), next: beyond(next) });
    const note = noteOf({
      parent: this.#last ?? null,
      ...fields,
      tasks: tasks.slice(0, MAX_NOTED),
      next: next.slice(0, MAX_NOTED),
      ...(Object.keys(more).length > 0 && { more }),
    });
    this.#last = note.digest;
    this.#lastStep = note.step;
    this.#pending = [...this.#pending, note];
    return note;
  }

  /** Of a job that ends: all that the record may lack. */
  get pending(): CheckpointNote[] | undefined {
    return this.#pending.length === 0 ? undefined : [...this.#pending];
  }

  /** What a request takes along. One at a time does: the others of its super-step would bring the same. */
  take(): CheckpointNote[] | undefined {
    if (this.#isOnItsWay || this.#pending.length === 0) return undefined;
    this.#isOnItsWay = true;
    return [...this.#pending];
  }

  /** A request has ended. @param result what it was answered; undefined: it was not */
  returned(request: Pick<RunStepRequest, 'checkpoints'> | undefined, result: RunStepResult | undefined): void {
    if (request?.checkpoints === undefined) return;
    this.#isOnItsWay = false;
    // A worker that knows of none answers none.
    if (result?.kind !== 'done' || result.checkpoints === undefined) return;
    const recorded = new Set(request.checkpoints.map(({ digest }) => digest));
    this.#pending = this.#pending.filter(({ digest }) => !recorded.has(digest));
  }
}

function beyond(list: readonly unknown[]): number | undefined {
  return list.length > MAX_NOTED ? list.length - MAX_NOTED : undefined;
}
