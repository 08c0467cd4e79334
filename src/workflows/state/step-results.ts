/**
 * Results of finished steps, for a Workflow that starts from its beginning in a new Run: those that are carried over
 * need not be requested again; the rest the record answers.
 *
 * Invariants
 * 1. What is carried stays well below the 2 MB that one payload may have, in UTF-8.
 * 2. A new Run requests again less than this one has newly done, or there is none: the chain would never end. Where it
 *    recalls what it was not given, in pages, it may be a multiple of that.
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
/** To recall so many results costs a Run no more than to request one. */
const RECALLED_AS_ONE = 20;

interface HowPut {
  /** The number of its record. */
  readonly seq: number;
  readonly mayBeCarried: boolean;
}

/** Where one of these does not fit any more, everything is read again. */
const CARRIED: HowPut = { seq: 1, mayBeCarried: true };

export class StepResults {
  readonly #results = new Map<
    string,
    { readonly result: StepResult; readonly seq: number; readonly sizeBytes: number; readonly isCarried: boolean }
  >();
  readonly #maxBytes: number;
  /** How many of the first results to come were there in the Run before, which omitted them. */
  #requestedAgain: number;
  #omittedFrom: number | undefined;
  #sizeBytes = 0;
  #omitted = 0;
  #added = 0;

  /** @param omitted how many results the Run before had and did not carry */
  constructor(maxBytes: number, carried: Readonly<Record<string, StepResult>>, omitted: number) {
    this.#maxBytes = maxBytes;
    this.#requestedAgain = omitted;
    for (const [stepId, result] of Object.entries(carried)) this.#put(stepId, result, CARRIED);
  }

  get(stepId: string): StepResult | undefined {
    return this.#results.get(stepId)?.result;
  }

  /** A result that an Activity has answered with in this Run. */
  add(stepId: string, result: StepResult, seq: number): void {
    this.#added += 1;
    this.#put(stepId, result, { seq, mayBeCarried: true });
  }

  /** One that was omitted, and that nobody has to request again. It stays omitted: its request is not known. */
  addRecalled(stepId: string, result: StepResult, seq: number): void {
    if (this.#requestedAgain > 0) this.#requestedAgain -= 1;
    this.#put(stepId, result, { seq, mayBeCarried: false });
  }

  /** Is a new Run worth what it would request again, or recall? */
  isWorthCarrying(isRecalled: boolean): boolean {
    const newlyDone = this.#added - this.#requestedAgain;
    return (
      this.#omitted === 0 ||
      newlyDone * (isRecalled && this.#requestedAgain === 0 ? RECALLED_AS_ONE : 1) > this.#omitted
    );
  }

  /** Results that are omitted are of records after that. */
  get omittedFrom(): number {
    return this.#omittedFrom ?? 0;
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

  /** The same within fewer bytes, where the rest of what is handed on leaves no more: the latest are omitted then. */
  within(
    maxBytes: number,
    generationOf: (stepId: string) => number,
  ): {
    readonly results: Readonly<Record<string, StepResult>>;
    readonly omitted: number;
    readonly omittedFrom: number;
  } {
    const all = this.carried(generationOf);
    if (maxBytes >= this.#maxBytes) return { results: all, omitted: this.omitted, omittedFrom: this.omittedFrom };
    const results: [string, StepResult][] = [];
    let [sum, omitted] = [0, this.#omitted];
    let from = this.#omittedFrom ?? Number.POSITIVE_INFINITY;
    for (const [stepId, result] of Object.entries(all)) {
      const { sizeBytes, seq } = this.#results.get(stepId)!;
      sum += sizeBytes;
      if (sum <= maxBytes) results.push([stepId, result]);
      else [omitted, from] = [omitted + 1, Math.min(from, seq - 1)];
    }
    return { results: Object.fromEntries(results), omitted, omittedFrom: Number.isFinite(from) ? from : 0 };
  }

  #put(stepId: string, result: StepResult, { seq, mayBeCarried }: HowPut): void {
    const present = this.#results.get(stepId);
    if (present?.isCarried === true) this.#sizeBytes -= present.sizeBytes;
    if (present?.isCarried === false) this.#omitted -= 1;
    const sizeBytes = jsonBytes(sizedPart(result)) + stepId.length + RESULT_FRAME_BYTES;
    const isCarried = mayBeCarried && this.#sizeBytes + sizeBytes <= this.#maxBytes;
    if (isCarried) this.#sizeBytes += sizeBytes;
    else {
      this.#omitted += 1;
      this.#omittedFrom = Math.min(this.#omittedFrom ?? Number.POSITIVE_INFINITY, seq - 1);
    }
    this.#results.set(stepId, { result, seq, sizeBytes, isCarried });
  }
}

function sizedPart({ output, approval }: StepResult): Json {
  return approval === undefined ? output : [output, { ...approval }];
}
