/**
 * The calls of `job.step` in a user's own Workflow, which starts from its beginning in a new Run: their ids, and the
 * results that are carried over.
 */
import type { Json } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import type { StepDone } from '../../model/job/run-step.ts';
import type { Approval } from '../guarded-job.ts';
import type { Knowledge } from '../state/knowledge.ts';
import { StepResults } from '../state/step-results.ts';
import { MAX_CARRIED_BYTES, type Carried } from './continue-as-new.ts';

export class StepCalls {
  readonly #knowledge: Knowledge;
  readonly #results: StepResults;
  /** How often a step without an id of its own was called, by the contract's name. */
  readonly #counts = new Map<string, number>();

  constructor(knowledge: Knowledge, carried: Carried | undefined) {
    this.#knowledge = knowledge;
    this.#results = new StepResults(MAX_CARRIED_BYTES, carried?.results ?? {}, carried?.leftOut ?? 0);
  }

  /** `name`, `name#2`, `name#3`, … */
  nextId(name: string): string {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }

  /** A result that an earlier Run of the chain carried over, unless a decision has made it void since. */
  resultOf(stepId: string): { readonly output: Json } | undefined {
    const result = this.#results.get(stepId);
    return result === undefined || result.generation < this.#knowledge.generationOf(stepId) ? undefined : result;
  }

  /** Was the step's result used already? */
  hasResult(stepId: string): boolean {
    return this.#results.get(stepId) !== undefined;
  }

  add(stepId: string, { generation, output, approval }: StepDone): void {
    this.#results.add(stepId, { generation, output, ...defined({ approval }) });
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
