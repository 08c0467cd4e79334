/** The steps of a job with their state, in the order in which they were first seen. For people; nothing is decided from it. */
import type { StepState, StepStatus } from '../model/status.ts';

export class StepBoard {
  readonly #steps = new Map<string, StepStatus>();

  set(id: string, change: { readonly step?: string; readonly generation?: number; readonly state?: StepState; readonly effects?: string }): void {
    const present = this.#steps.get(id) ?? { id, step: id, generation: 0, state: 'waiting' as const, effects: '' };
    this.#steps.set(id, { ...present, ...change });
  }

  get steps(): readonly StepStatus[] {
    return [...this.#steps.values()];
  }
}
