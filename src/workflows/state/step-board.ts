/**
 * The steps of a job with their state, in the order in which they were first seen. For people; nothing is decided from
 * it.
 *
 * Invariant: a change costs the same at step 10,000 as at step 10, and so does `latest`: the details of a job are made
 * anew at every step.
 */
import { jsonBytes } from '../../model/canonical-json.ts';
import { isOver } from '../../model/job/status-text.ts';
import type { StepState, StepStatus } from '../../model/job/status.ts';

/**
 * A step that is done, or was skipped (its code then says so), as it is carried to the next Run of the chain: id, step,
 * generation, effects.
 */
export type CarriedStep = readonly [string, string, number, string];

/** States that end with the job. */
const UNDER_WAY: ReadonlySet<StepState> = new Set(['waiting', 'running', 'held', 'approval', 'undoing']);

export class StepBoard {
  readonly #steps = new Map<string, { status: StepStatus; readonly place: number }>();
  readonly #order: string[] = [];
  readonly #notDone = new Set<string>();

  set(
    id: string,
    change: {
      readonly step?: string;
      readonly generation?: number;
      readonly state?: StepState;
      readonly effects?: string;
    },
  ): void {
    const present = this.#steps.get(id);
    const status = {
      ...(present?.status ?? { id, step: id, generation: 0, state: 'waiting' as const, effects: '' }),
      ...change,
    };
    if (present === undefined) this.#steps.set(id, { status, place: this.#order.push(id) - 1 });
    else present.status = status;
    if (isOver(status)) this.#notDone.delete(id);
    else this.#notDone.add(id);
  }

  /** The job has ended: nothing runs and nothing waits any more. */
  stop(): void {
    for (const id of this.#notDone)
      if (UNDER_WAY.has(this.#steps.get(id)!.status.state)) this.set(id, { state: 'stopped' });
  }

  get steps(): readonly StepStatus[] {
    return [...this.#steps.values()].map(({ status }) => status);
  }

  get counts(): { readonly begun: number; readonly done: number } {
    return { begun: this.#order.length, done: this.#order.length - this.#notDone.size };
  }

  /** The last `count` steps, and of those before them at most `count` that are not done. */
  latest(count: number): readonly StepStatus[] {
    const from = Math.max(0, this.#order.length - count);
    const earlier: StepStatus[] = [];
    for (const id of this.#notDone) {
      const { status, place } = this.#steps.get(id)!;
      if (place < from) earlier.push(status);
      if (earlier.length === count) break;
    }
    return [...earlier, ...this.#order.slice(from).map((id) => this.#steps.get(id)!.status)];
  }

  /** What is done, the latest that fit into so many bytes of UTF-8. */
  carried(maxBytes: number): readonly CarriedStep[] {
    const carried: CarriedStep[] = [];
    let sizeBytes = 0;
    for (const { id, step, generation, state, effects } of this.steps.toReversed()) {
      if (!isOver({ state })) continue;
      const entry: CarriedStep = [id, step, generation, effects];
      sizeBytes += jsonBytes([...entry]) + 1;
      if (sizeBytes > maxBytes) break;
      carried.push(entry);
    }
    return carried.reverse();
  }
}
