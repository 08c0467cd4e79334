/**
 * The checkpoints of a job that the record may not have yet. Requests for steps carry them; the answer says that they
 * are recorded.
 *
 * Invariants
 * 1. Each follows the one before, so that the record has them in order or not at all.
 * 2. All of it comes from the history: a replay, and a Workflow that starts anew, notes the same. What such a Workflow
 *    has recorded before does not travel again.
 */
import type { RecordedCheckpoint } from '../../model/checkpoint/recorded-path.ts';
import { MAX_NOTED, noteOf, type CheckpointNote } from '../../model/checkpoint/note.ts';
import { defined } from '../../model/defined.ts';
import type { Digest } from '../../model/digest.ts';
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import { someOf } from '../../model/list.ts';
import type { FoldedWrites } from '../../model/state/fold-writes.ts';
import { EndedSteps } from './ended-steps.ts';
import { RecordedCheckpoints } from './recorded-checkpoints.ts';
import { RememberedCheckpoints } from './remembered-checkpoints.ts';

/** What a new Run is given. */
export interface CarriedCheckpoints {
  readonly last: Digest;
  /** The super-step of the last one. */
  readonly step: number;
  /** Noted, and not known to be recorded. */
  readonly pending?: readonly CheckpointNote[];
}

/** What a new Run is given that notes all of them again. */
export interface CarriedAgain {
  readonly again: readonly RecordedCheckpoint[];
}

/** A checkpoint without what follows from its place. */
export type NewCheckpoint = Pick<CheckpointNote, 'source' | 'step' | 'tasks' | 'next' | 'begins' | 'writes'>;

export class CheckpointNotes {
  readonly ended = new EndedSteps();
  readonly remembered = new RememberedCheckpoints();
  #recorded: RecordedCheckpoints;
  readonly #job: CheckpointNote['job'];
  #last: Digest | undefined;
  #lastStep: number | undefined;
  #count = 0;
  #pending: readonly CheckpointNote[] = [];
  readonly #places = new Map<Digest, number>();
  #isOnItsWay = false;
  #isRewound = false;
  #rewoundAt: Digest | undefined;

  /** @param job where checkpoints are kept in a store: what starts the job anew */
  constructor(carried: CarriedCheckpoints | CarriedAgain | undefined, job?: CheckpointNote['job']) {
    this.#job = job;
    this.#recorded = new RecordedCheckpoints(carried !== undefined && 'again' in carried ? carried.again : []);
    if (carried === undefined || 'again' in carried) return;
    this.#last = carried.last;
    this.#lastStep = carried.step;
    this.#pending = carried.pending ?? [];
  }

  /** The super-step of the last one; -1: the input. */
  get lastStep(): number | undefined {
    return this.#lastStep;
  }

  /** For a new Run that goes on from here. */
  get carried(): CarriedCheckpoints | undefined {
    if (this.#last === undefined || this.#lastStep === undefined) return undefined;
    return { last: this.#last, step: this.#lastStep, ...defined({ pending: someOf(this.#pending) }) };
  }

  /** For a new Run that begins at the beginning, and notes them all again. */
  get carriedAgain(): CarriedAgain | undefined {
    const again = someOf(this.#recorded.carried);
    return again && { again };
  }

  /** @param here the state after it, where an earlier Run has it */
  note({ tasks, next, ...fields }: NewCheckpoint, here?: () => FoldedWrites): CheckpointNote {
    const more = defined({ tasks: beyond(tasks), next: beyond(next) });
    const note = noteOf({
      parent: this.#last ?? null,
      ...fields,
      ...defined({ job: fields.source === 'input' ? this.#job : undefined }),
      source: this.#isRewound || this.#isAtRewound ? 'rewind' : fields.source,
      tasks: tasks.slice(0, MAX_NOTED),
      next: next.slice(0, MAX_NOTED),
      ...(Object.keys(more).length > 0 && { more }),
    });
    this.#isRewound = false;
    const place = this.#count++;
    const seq = this.#recorded.again(place, note.digest);
    this.#last = note.digest;
    this.#lastStep = note.step;
    this.remembered.add(note, seq, here);
    if (seq === undefined) {
      this.#pending = [...this.#pending, note];
      this.#places.set(note.digest, place);
    } else {
      // So are those before it.
      this.#pending = [];
      this.#places.clear();
    }
    return note;
  }

  get #isAtRewound(): boolean {
    return this.#rewoundAt !== undefined && this.#last === this.#rewoundAt;
  }

  /** The record has those of an earlier chain of Runs: what is noted again need not travel. */
  adopt(recorded: readonly RecordedCheckpoint[]): void {
    this.#recorded = new RecordedCheckpoints(recorded);
    const pending = this.#pending;
    this.#pending = pending.filter((note) => {
      const seq = this.#recorded.again(this.#places.get(note.digest)!, note.digest);
      if (seq !== undefined) this.remembered.recorded(note.digest, seq);
      return seq === undefined;
    });
  }

  /**
   * The job goes on from an earlier one: what was noted after it and is not recorded is void with what it tells. The
   * next one begins the state anew.
   */
  goBackTo({ digest, step }: { readonly digest: Digest; readonly step: number }): void {
    this.#last = digest;
    this.#lastStep = step;
    this.#pending = [];
    this.#places.clear();
    this.#isRewound = true;
  }

  /** Where all are noted again: what follows this one comes after a rewind. */
  rewoundAt(digest: Digest): void {
    this.#rewoundAt = digest;
  }

  /** Of a job that ends: all that the record may lack. */
  get pending(): CheckpointNote[] | undefined {
    return this.#pending.length === 0 ? undefined : [...this.#pending];
  }

  /** Those that travel with the next request. Of what an earlier Run may have recorded it is not known yet. */
  get unrecorded(): readonly CheckpointNote[] {
    return this.#recorded.mayFollow(this.#count) ? [] : this.#pending;
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
    const seqs = result.checkpoints;
    const recorded = new Map(request.checkpoints.map(({ digest }, index) => [digest, seqs[index]]));
    this.#pending = this.#pending.filter(({ digest }) => !recorded.has(digest));
    for (const [digest, seq] of recorded) {
      const place = this.#places.get(digest);
      this.#places.delete(digest);
      if (seq === undefined) continue;
      this.remembered.recorded(digest, seq);
      if (place !== undefined) this.#recorded.add(place, seq, digest);
    }
  }
}

function beyond(list: readonly unknown[]): number | undefined {
  return list.length > MAX_NOTED ? list.length - MAX_NOTED : undefined;
}
