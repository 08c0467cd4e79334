/** Which generations of steps a chain tells of: the ledger must not issue one of them again. */
import type { ChainRecord } from '../../model/record/record.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { GenerationTable } from './generations.ts';

export class IssuedGenerations {
  readonly #highest = new Map<string, number>();

  add(record: ChainRecord): void {
    if (record.kind === 'decision') for (const { stepId, generation } of record.reruns) this.#raise(stepId, generation);
    // The first generation of a step, and those of its sub-steps, are not issued.
    if (record.kind === 'step' && record.generation > 0 && requestedStepOf(record.stepId) === record.stepId)
      this.#raise(record.stepId, record.generation);
  }

  /** In words. */
  problems(generations: GenerationTable, jobId: string): readonly string[] {
    return [...this.#highest]
      .filter(([stepId, highest]) => (generations.highest(jobId, stepId) ?? 0) < highest)
      .map(([stepId, highest]) => `the ledger would issue generation ${highest} of step ${stepId} once more`);
  }

  #raise(stepId: string, generation: number): void {
    if ((this.#highest.get(stepId) ?? 0) < generation) this.#highest.set(stepId, generation);
  }
}
