/** What a step's compensation is given: what the step did, as the record has it. */
import type { Json, JsonObject } from '../canonical-json.ts';

/** A call of a step that is undone. */
export interface CompensatedCall {
  /** As the step named it. */
  readonly name: string;
  /** The idempotency key that it was made with. */
  readonly key: string;
  /** What was sent, as canonical JSON; beyond 4,000 characters cut. */
  readonly requestText: string;
  /** What the call returned, or what a person told. */
  readonly answer: Json;
  /** Who says that it happened: the call's own answer, the step's probe, or a person. */
  readonly known: 'called' | 'probed' | 'told';
  /** The generation that made it. */
  readonly generation: number;
}

/** What a step did, as the record has it: what its compensation is given. */
export interface CompensatedRecord<Input = unknown, Output = unknown> {
  /** The step's id in the job. */
  readonly stepId: string;
  /** The generation that is undone. */
  readonly generation: number;
  /** Of the code that ran. Undefined: the step was not finished. */
  readonly version: string | undefined;
  /** The step's own token, as its calls and rows may have been given it. */
  readonly token: string;
  /** What the step was given. */
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
  | {
      /** `file.write`, `file.remove`, `directory.create`, …; of rows and statements as below. */
      readonly kind: string;
      /** Relative to the workspace, `/` between parts. */
      readonly path: string;
    }
  | {
      readonly kind: 'row.insert' | 'row.upsert' | 'row.update' | 'row.delete';
      /** The database's name in the job. */
      readonly database: string;
      /** As the step named it. */
      readonly table: string;
      /** The primary key: column → value. */
      readonly key: JsonObject;
      /** What the step gave: column → value. Of a deletion: `{}`. */
      readonly values: JsonObject;
    }
  | {
      readonly kind: 'sql';
      readonly database: string;
      /** The statement. */
      readonly text: string;
      /** Its parameters, in order. */
      readonly params: readonly Json[];
      /** The tables that it changes, as the step named them. */
      readonly writes: readonly string[];
    };
