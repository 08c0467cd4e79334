/**
 * What earlier Runs of a plan had done and this one was not given, as its results were too large to carry: read from
 * the record in pages when the first of them is needed. What is not found there is requested, and so is what a decision
 * has made void, or what is asked for otherwise than it was.
 */
import { digestOf } from '../../model/digest.ts';
import { everyItemOf, itemPlaceOf, planStepOf } from '../../model/item-id.ts';
import type { RecalledResult } from '../../model/job/recall.ts';
import type { PlanStepRequest } from '../../model/plan/run/plan-job.ts';
import type { PlanProgress } from '../../model/plan/run/progress.ts';
import type { JobParts } from './parts.ts';
import { recallResults } from './recall.ts';

type Parts = Pick<JobParts, 'identity' | 'knowledge' | 'watch'>;

export class LeftOutResults {
  readonly #parts: Parts;
  readonly #ids: ReadonlySet<string>;
  readonly #atLeastBytes: number;
  readonly #results = new Map<string, RecalledResult>();
  #recalling: Promise<void> | undefined;

  constructor(parts: Parts, { leftOut = [], leftOutAtLeastBytes = 0 }: PlanProgress) {
    this.#parts = parts;
    this.#ids = new Set(leftOut);
    this.#atLeastBytes = leftOutAtLeastBytes;
  }

  /** Fulfilled once all is read. Undefined: it is none of those, or nothing is read in this Run. */
  recalled(stepId: string): Promise<void> | undefined {
    if (!this.has(stepId)) return undefined;
    const from = { after: 0, atLeastBytes: this.#atLeastBytes };
    this.#recalling ??= recallResults(this.#parts, from, (result) => this.add(result));
    return this.#recalling;
  }

  has(stepId: string): boolean {
    const isItem = itemPlaceOf(stepId) !== undefined;
    return this.#ids.has(stepId) || (isItem && this.#ids.has(everyItemOf(planStepOf(stepId))));
  }

  /** In the order of the record: of a step that ran again, the newest counts. */
  add(result: RecalledResult): void {
    if (this.has(result.stepId)) this.#results.set(result.stepId, result);
  }

  /** Its result, once: whoever requests it again has a reason to. */
  take({ id, use, input }: PlanStepRequest): RecalledResult | undefined {
    const result = this.#results.get(id);
    this.#results.delete(id);
    if (result === undefined || result.generation < this.#parts.knowledge.generationOf(id)) return undefined;
    return result.args === digestOf({ input, step: use }) ? result : undefined;
  }
}
