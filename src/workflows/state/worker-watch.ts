/**
 * Whether workers take what the job asks for. A request that none takes in time ends with that, and has never run; the
 * job then says so, waits until a worker answers, and requests it again.
 *
 * Invariants
 * 1. However long none is there, the history grows by one question to the workers, which has no limit of time.
 * 2. While it waits, nothing else is requested through it.
 * 3. A Run that an older worker began has no limits: that worker would fail the job for what none takes in time.
 */
import { CancellationScope, condition, workflowInfo } from '@temporalio/workflow';
import { TakenLimits } from '../../model/job/taken-limits.ts';
import type { WorkerWait } from '../../model/job/worker-wait.ts';
import { callWorkerAnswers, isNotTaken, type TakenWithinMs } from '../activities.ts';
import { isPatched } from '../patches.ts';
import type { Results } from './results.ts';

/** What is requested, for people. */
export type Requested = Pick<WorkerWait, 'activity' | 'stepId'>;

export interface Asked {
  readonly withinMs: TakenWithinMs;
  readonly atMs: number;
}

export class WorkerWatch {
  readonly #results: Results;
  readonly #onChange: () => void;
  /** Decided as the job is opened, so that it is the same for all that it requests. */
  readonly #hasLimits = isPatched('what-no-worker-takes-is-told');
  readonly #limits = new TakenLimits();
  #wait: WorkerWait | undefined;

  constructor(results: Results, onChange: () => void) {
    this.#results = results;
    this.#onChange = onChange;
  }

  /** What waits for a worker; undefined: nothing does, as far as is known. */
  get wait(): WorkerWait | undefined {
    return this.#wait;
  }

  get isWaiting(): boolean {
    return this.#wait !== undefined;
  }

  /**
   * Requests until a worker has taken it and it has ended with that worker's result.
   * @param about what its result is proved for besides
   * @throws whatever it ends with once it was taken
   */
  async untilTaken<T>(
    what: Requested,
    call: (withinMs: TakenWithinMs) => Promise<T>,
    about: { readonly of?: string; readonly generation?: number } = {},
  ): Promise<T> {
    const request = { activity: what.activity ?? '', ...about };
    for (let isAgain = false; ; isAgain = true) {
      if (this.isWaiting) await condition(() => !this.isWaiting);
      const pause = isAgain ? this.#results.pauseBefore(request) : undefined;
      if (pause !== undefined) await pause;
      const asked = this.ask();
      try {
        const result = await call(asked.withinMs);
        this.noteTaken(asked);
        if (this.#results.counts(request, result)) return result;
      } catch (error) {
        if (this.isUntaken(error)) this.noteNotTaken(asked, what);
        else if (!this.#results.isFailedByHand(request, error)) throw error;
      }
    }
  }

  /** Something is requested now. */
  ask(): Asked {
    return { withinMs: this.#hasLimits ? this.#limits.currentMs : undefined, atMs: nowMs() };
  }

  /** Has no worker taken it in time? */
  isUntaken(error: unknown): boolean {
    return this.#hasLimits && isNotTaken(error);
  }

  /** A worker has taken it, and it has ended. */
  noteTaken({ atMs }: Asked): void {
    this.#limits.noteTaken(nowMs() - atMs);
  }

  /** From here on it waits until a worker answers. */
  noteNotTaken({ withinMs = 0, atMs }: Asked, what: Requested): void {
    if (this.#wait !== undefined) return;
    this.#limits.noteNotTaken(withinMs);
    // It may have run and failed before, and waited only since then.
    const since = new Date(Math.max(atMs, nowMs() - withinMs)).toISOString();
    this.#wait = { kind: 'no-worker', taskQueue: workflowInfo().taskQueue, since, ...what };
    this.#onChange();
    const answered = (): void => {
      this.#wait = undefined;
      this.#onChange();
    };
    // The id of an Activity must not depend on the limits: histories would not replay on others.
    const noticedAt = new Date(nowMs()).toISOString();
    // Whatever ends meanwhile, the workers are asked once; a worker that fails to answer it is there as well.
    CancellationScope.nonCancellable(() => callWorkerAnswers(noticedAt)).then(answered, answered);
  }
}

function nowMs(): number {
  // oxlint-disable-next-line layout/pure -- the sandbox's clock
  return Date.now();
}
