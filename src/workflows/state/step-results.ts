/**
 * Results of finished steps, for a Workflow that starts from its beginning in a new Run: those that are carried over
 * need not be requested again; the rest the record answers.
 *
 * Invariants
 * 1. What is carried stays well below the 2 MB that one payload may have, in UTF-8.
 * 2. A new Run requests again less than this one has newly done, or there is none: the chain would never end.
 */
import { jsonBytes, type Json } from '../../model/canonical-json.ts';

export interface StepResult {
  readonly generation: number;
  readonly output: Json;
  /** What it was requested with, as `callMark` has it. Runs of version 0.1 carried none. */
  readonly call?: string;
  /** Who approved it, and what they said. */
  readonly approval?: { readonly by: string; readonly reason: string };
}

/** `{"generation":…,"output":…,"call":…}` around an output. */
const RESULT_FRAME_BYTES = 64;

export class StepResults {
  readonly #results = new Map<
    string,
    { readonly result: StepResult; readonly sizeBytes: number; readonly isCarried: boolean }
  >();
  readonly #maxBytes: number;
  /** How many of the first results to come were there in the Run before, which omitted them. */
  readonly #requestedAgain: number;
  #sizeBytes = 0;
  #omitted = 0;
  #added = 0;

  /** @param omitted how many results the Run before had and did not carry */
  constructor(maxBytes: number, carried: Readonly<Record<string, StepResult>>, omitted: number) {
    this.#maxBytes = maxBytes;
    this.#requestedAgain = omitted;
    for (const [stepId, result] of Object.entries(carried)) this.#put(stepId, result);
  }

  get(stepId: string): StepResult | undefined {
    return this.#results.get(stepId)?.result;
  }

  /** A result that an Activity has answered with in this Run. */
  add(stepId: string, result: StepResult): void {
    this.#added += 1;
    this.#put(stepId, result);
  }

  /** Is a new Run worth what it would request again? */
  get isWorthCarrying(): boolean {
    return this.#omitted === 0 || this.#added - this.#requestedAgain > this.#omitted;
  }

  /** How many results are too large to be carried. */
  get omitted(): number {
    return this.#omitted;
  }

  /** What the next Run is given; results for which a higher generation was issued are void. */
  carried(generationOf: (stepId: string) => number): Readonly<Record<string, StepResult>> {
    const carried = [...this.#results].filter(
      ([stepId, { result, isCarried }]) => isCarried && result.generation >= generationOf(stepId),
    );
    return Object.fromEntries(carried.map(([stepId, { result }]) => [stepId, result]));
  }

  #put(stepId: string, result: StepResult): void {
    const present = this.#results.get(stepId);
    if (present?.isCarried === true) this.#sizeBytes -= present.sizeBytes;
    if (present?.isCarried === false) this.#omitted -= 1;
    const sizeBytes = jsonBytes(sizedPart(result)) + stepId.length + RESULT_FRAME_BYTES;
    const isCarried = this.#sizeBytes + sizeBytes <= this.#maxBytes;
    if (isCarried) this.#sizeBytes += sizeBytes;
    else this.#omitted += 1;
    this.#results.set(stepId, { result, sizeBytes, isCarried });
  }
}

function sizedPart({ output, approval }: StepResult): Json {
  return approval === undefined ? output : [output, { ...approval }];
}
