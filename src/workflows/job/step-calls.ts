/**
 * The calls of `job.step` in a user's own Workflow, which starts from its beginning in a new Run: their ids, and the
 * results that are carried over.
 */
import { defined } from '../../model/defined.ts';
import { digestOf, shortDigest, type Digest } from '../../model/digest.ts';
import type { RecalledResult } from '../../model/job/recall.ts';
import type { PutIn } from '../../model/record/put-in.ts';
import type { StepDone } from '../../model/job/run-step.ts';
import type { Approval } from '../guarded-job.ts';
import type { Knowledge } from '../state/knowledge.ts';
import { StepResults, type StepResult } from '../state/step-results.ts';
import { MAX_CARRIED_BYTES, type Carried } from './continue-as-new.ts';
import type { JobParts } from './parts.ts';
import { areRecalled, recallResults } from './recall.ts';

/** What a step is requested with. */
export interface StepCall {
  readonly step: string;
  readonly input: unknown;
  /** It tells one request from another: of results that are carried over, the request is not. */
  readonly mark: string;
}

export function stepCall(step: string, input: unknown): StepCall {
  return { step, input, mark: shortDigest(digestOf([step, input])) };
}

/** As the record has it. */
function argsOf({ step, input }: StepCall): Digest {
  return digestOf({ input, step });
}

type Parts = Pick<JobParts, 'identity' | 'knowledge' | 'watch' | 'edits'>;

export class StepCalls {
  readonly #parts: Parts;
  readonly #knowledge: Knowledge;
  /** Results of earlier Runs that this one was not given are of records after that; undefined: it has all. */
  readonly #leftOutFrom: number | undefined;
  readonly #results: StepResults;
  /** How often a step without an id of its own was called, by the contract's name. */
  readonly #counts = new Map<string, number>();
  /** What earlier Runs requested; of this Run's own requests Temporal sees to it that they stay the same. */
  readonly #earlier: Map<string, string>;
  /** Of results that were recalled: the digest of what the record says the step was given. */
  readonly #recalled = new Map<string, Digest>();
  #recalling: Promise<void> | undefined;
  #isRecalled = false;

  constructor(parts: Parts, carried: Carried | undefined) {
    this.#parts = parts;
    this.#knowledge = parts.knowledge;
    this.#results = new StepResults(MAX_CARRIED_BYTES, carried?.results ?? {}, carried?.leftOut ?? 0);
    this.#leftOutFrom = (carried?.leftOut ?? 0) === 0 ? undefined : (carried?.leftOutFrom ?? 0);
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
   * @param call what is requested; undefined: the result answers whatever is requested
   */
  resultOf(stepId: string, call: StepCall | undefined): Pick<StepResult, 'output' | 'generation'> | undefined {
    if (call !== undefined && (this.#earlier.get(stepId) ?? call.mark) !== call.mark) return undefined;
    if (call !== undefined && this.#recalled.has(stepId) && this.#recalled.get(stepId) !== argsOf(call))
      return undefined;
    const result = this.#results.get(stepId);
    return result === undefined || result.generation < this.#knowledge.generationOf(stepId) ? undefined : result;
  }

  /** What a person has put in by hand, in place of the step's code. */
  putIn(stepId: string): PutIn | undefined {
    return this.#parts.edits.get(stepId);
  }

  /** Fulfilled once what earlier Runs left out is read from the record. Undefined: nothing was, or it is read. */
  recalled(): Promise<void> | undefined {
    if (this.#leftOutFrom === undefined || this.#isRecalled) return undefined;
    this.#recalling ??= recallResults(this.#parts, { after: this.#leftOutFrom }, (result) =>
      this.addRecalled(result),
    )?.then(() => void (this.#isRecalled = true));
    return this.#recalling;
  }

  /** Was the step's result used already? */
  hasResult(stepId: string): boolean {
    return this.#results.get(stepId) !== undefined;
  }

  add(stepId: string, { generation, output, approval, at }: StepDone, call: StepCall | undefined): void {
    this.#earlier.delete(stepId);
    this.#recalled.delete(stepId);
    this.#results.add(stepId, { generation, output, ...defined({ call: call?.mark, approval }) }, at.seq);
  }

  /** A result that the record has of an earlier Run. What is there already stays, unless it is of an older one. */
  addRecalled({ stepId, generation, output, args, seq, approval }: RecalledResult): void {
    const present = this.#results.get(stepId);
    if (present !== undefined && present.generation >= generation) return;
    this.#recalled.set(stepId, args);
    this.#results.addRecalled(stepId, { generation, output, ...defined({ approval }) }, seq);
  }

  approvalOf(stepId: string): Approval | undefined {
    return this.#results.get(stepId)?.approval;
  }

  /** Is a new Run worth what it would request again, or recall? */
  get isWorthCarrying(): boolean {
    return this.#results.isWorthCarrying(false) || (this.#results.isWorthCarrying(true) && areRecalled());
  }

  /** How many results are too large to be carried. */
  get omitted(): number {
    return this.#results.omitted;
  }

  /** With at most so many bytes of results. */
  carried(resultBytes: number): Pick<Carried, 'results' | 'leftOut' | 'leftOutFrom'> {
    const generationOf = (stepId: string): number => this.#knowledge.generationOf(stepId);
    const { results, omitted, omittedFrom } = this.#results.within(resultBytes, generationOf);
    return { results, leftOut: omitted, ...(omitted > 0 && { leftOutFrom: omittedFrom }) };
  }
}
