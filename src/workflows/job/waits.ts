/**
 * The timers of a job: a plan's `wait`, and `job.sleep` of a user's own Workflow. A new Run waits for what is left.
 *
 * Invariants
 * 1. A wait is known by its step's id, until its super-step has ended. A sleep is known by its place among the sleeps
 *    and by its length: a Workflow that starts from its beginning comes to all of them again.
 * 2. What is carried over is bounded; a sleep beyond it is slept again, as one of another length is.
 */

import { sleep } from '@temporalio/workflow';
import { waitStep } from '../../model/step/built-in/wait.ts';
import type { StepBoard } from '../state/step-board.ts';
import type { JobView } from './view.ts';

/** When each ends, in milliseconds since 1970. */
export interface CarriedWaits {
  readonly waits?: Readonly<Record<string, number>>;
  /** Length and end of each sleep, in the order in which they were begun. */
  readonly sleeps?: readonly CarriedSleep[];
}

interface Shown {
  readonly board: StepBoard;
  readonly view: JobView;
}

type CarriedSleep = readonly [durationMs: number, endsAtMs: number];

const MAX_CARRIED_SLEEPS = 2_000;

export class Waits {
  readonly #parts: Shown;
  readonly #carriedWaits: Map<string, number>;
  readonly #carriedSleeps: readonly CarriedSleep[];
  readonly #waits = new Map<string, number>();
  readonly #sleeps: CarriedSleep[] = [];
  /** What ends each wait before its time. */
  readonly #ended: (() => void)[] = [];
  #sleepsBegun = 0;
  #sleeping = 0;

  constructor(parts: Shown, { waits = {}, sleeps = [] }: CarriedWaits = {}) {
    this.#parts = parts;
    this.#carriedWaits = new Map(Object.entries(waits));
    this.#carriedSleeps = sleeps;
  }

  /** Does a timer run? */
  get isWaiting(): boolean {
    return this.#waits.size > 0 || this.#sleeping > 0;
  }

  /** A plan's own timer, which is seen as a step. */
  async wait(stepId: string, durationMs: number): Promise<void> {
    const { board, view } = this.#parts;
    const endsAtMs = this.#carriedWaits.get(stepId) ?? nowMs() + durationMs;
    // Once: a step that is made void and runs again waits anew.
    this.#carriedWaits.delete(stepId);
    this.#waits.set(stepId, endsAtMs);
    const until = untilText(endsAtMs);
    board.set(stepId, { step: waitStep.name, state: 'waiting', effects: until });
    view.refresh();
    const isOver = await this.#untilEnd(sleep(leftMs(endsAtMs), { summary: `${stepId} (${waitStep.name}) ${until}` }));
    board.set(stepId, { state: isOver ? 'done' : 'waiting', effects: '' });
    view.refresh();
  }

  /** False: the job went back to a moment before the wait, which is waited for anew when its turn comes. */
  async #untilEnd(timer: Promise<void>): Promise<boolean> {
    const waiting = new Promise<boolean>((resolve, reject) => {
      timer.then(() => resolve(true), reject);
      this.#ended.push(() => resolve(false));
    });
    return await waiting;
  }

  /** What is waited for need not be any longer. */
  endNow(): void {
    for (const end of this.#ended.splice(0)) end();
  }

  /** The super-step has ended, and its waits with it. */
  endWaits(): void {
    this.#waits.clear();
    this.#ended.length = 0;
  }

  async sleep(durationMs: number): Promise<void> {
    const carried = this.#carriedSleeps[this.#sleepsBegun++];
    const endsAtMs = carried?.[0] === durationMs ? carried[1] : nowMs() + durationMs;
    if (this.#sleeps.length < MAX_CARRIED_SLEEPS) this.#sleeps.push([durationMs, endsAtMs]);
    this.#sleeping += 1;
    try {
      await sleep(leftMs(endsAtMs), { summary: untilText(endsAtMs) });
    } finally {
      this.#sleeping -= 1;
    }
  }

  /** @param voidSteps those will be waited for anew */
  carried(voidSteps: readonly string[] = []): CarriedWaits {
    const waits = [...this.#waits].filter(([stepId]) => !voidSteps.includes(stepId));
    return {
      ...(waits.length > 0 && { waits: Object.fromEntries(waits) }),
      ...(this.#sleeps.length > 0 && { sleeps: this.#sleeps }),
    };
  }
}

function leftMs(endsAtMs: number): number {
  return Math.max(0, endsAtMs - nowMs());
}

function untilText(endsAtMs: number): string {
  return `until ${new Date(endsAtMs).toISOString()}`;
}

/** By the history's clock, which is the same in every replay. */
function nowMs(): number {
  // oxlint-disable-next-line layout/pure -- the sandbox's clock
  return Date.now();
}
