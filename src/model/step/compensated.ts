/** What a step's compensation is given: what the step did, as the record has it. */
import type { Json, JsonObject } from '../canonical-json.ts';

/** A call of a step that is undone. */
export interface CompensatedCall {
  readonly name: string;
  /** The idempotency key that it was made with. */
  readonly key: string;
  /** What was sent, as canonical JSON; beyond 4,000 characters cut. */
  readonly requestText: string;
  readonly answer: Json;
  /** Who says that it happened: the call's own answer, the step's probe, or a person. */
  readonly known: 'called' | 'probed' | 'told';
  /** The generation that made it. */
  readonly generation: number;
}

/** What a step did, as the record has it: what its compensation is given. */
export interface CompensatedRecord<Input = unknown, Output = unknown> {
  readonly stepId: string;
  readonly generation: number;
  /** Of the code that ran. Undefined: the step was not finished. */
  readonly version: string | undefined;
  /** The step's own token, as its calls and rows may have been given it. */
  readonly token: string;
  readonly input: Input;
  /** Undefined: the step was not finished, and only calls of it were made. */
  readonly output: Output | undefined;
  /** What was staged and applied, in its order. */
  readonly effects: readonly CompensatedEffect[];
  /** Calls that happened, of all generations, in the order in which they were begun. */
  readonly calls: readonly CompensatedCall[];
}

/** One change of a file, a folder, a row, or a statement. */
export type CompensatedEffect =
  | { readonly kind: string; readonly path: string }
  | {
      readonly kind: 'row.insert' | 'row.upsert' | 'row.update' | 'row.delete';
      readonly database: string;
      readonly table: string;
      readonly key: JsonObject;
      readonly values: JsonObject;
    }
  | {
      readonly kind: 'sql';
      readonly database: string;
      readonly text: string;
      readonly params: readonly Json[];
      readonly writes: readonly string[];
    };
