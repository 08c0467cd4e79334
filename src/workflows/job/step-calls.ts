/**
 * The calls of `job.step` in a user's own Workflow, which starts from its beginning in a new Run: their ids, and the
 * results that are carried over.
 */
import type { Json } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { digestOf, shortDigest } from '../../model/digest.ts';
import type { StepDone } from '../../model/job/run-step.ts';
import type { Approval } from '../guarded-job.ts';
import type { Knowledge } from '../state/knowledge.ts';
import { StepResults } from '../state/step-results.ts';
import { MAX_CARRIED_BYTES, type Carried } from './continue-as-new.ts';

/** It tells one request from another: of results that are carried over, the request is not. */
export function callMark(step: string, input: unknown): string {
  return shortDigest(digestOf([step, input]));
}

export class StepCalls {
  readonly #knowledge: Knowledge;
  readonly #results: StepResults;
  /** How often a step without an id of its own was called, by the contract's name. */
  readonly #counts = new Map<string, number>();
  /** What earlier Runs requested; of this Run's own requests Temporal sees to it that they stay the same. */
  readonly #earlier: Map<string, string>;

  constructor(knowledge: Knowledge, carried: Carried | undefined) {
    this.#knowledge = knowledge;
    this.#results = new StepResults(MAX_CARRIED_BYTES, carried?.results ?? {}, carried?.leftOut ?? 0);
    const earlier = Object.entries(carried?.results ?? {});
    this.#earlier = new Map(earlier.flatMap(([stepId, { call }]) => (call === undefined ? [] : [[stepId, call]])));
  }

  /** `name`, `name#2`, `name#3`, … */
  nextId(name: string): string {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }

  /**
   * A result that is there already, unless a decision has made it void since. None where an earlier Run requested
   * something else: the record compares what is requested then, and a person is asked.
   * @param call undefined: the result answers whatever is requested
   */
  resultOf(stepId: string, call: string | undefined): { readonly output: Json } | undefined {
    if (call !== undefined && (this.#earlier.get(stepId) ?? call) !== call) return undefined;
    const result = this.#results.get(stepId);
    return result === undefined || result.generation < this.#knowledge.generationOf(stepId) ? undefined : result;
  }

  /** Was the step's result used already? */
  hasResult(stepId: string): boolean {
    return this.#results.get(stepId) !== undefined;
  }

  add(stepId: string, { generation, output, approval }: StepDone, call: string | undefined): void {
    this.#earlier.delete(stepId);
    this.#results.add(stepId, { generation, output, ...defined({ call, approval }) });
  }

  approvalOf(stepId: string): Approval | undefined {
    return this.#results.get(stepId)?.approval;
  }

  /** Is a new Run worth what it would request again? */
  get isWorthCarrying(): boolean {
    return this.#results.isWorthCarrying;
  }

  /** How many results are too large to be carried. */
  get omitted(): number {
    return this.#results.omitted;
  }

  carried(): Pick<Carried, 'results' | 'leftOut'> {
    const results = this.#results.carried((stepId) => this.#knowledge.generationOf(stepId));
    return { results, leftOut: this.#results.omitted };
  }
}
