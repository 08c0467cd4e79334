/** A step's contract, as types. */
import type * as z from 'zod';

/** A step's name and what goes in and out. It has no code: a Workflow may import it. */
export interface StepContract<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  /** Letters, digits, `_ . -`; unique among the worker's steps. */
  readonly name: string;
  /** What the step does, for a model that may use it as a tool. */
  readonly description?: string;
  /** What it accepts is plain JSON of at most 512 KiB. */
  readonly input: Input;
  /** What the code returns is checked by it before anything is applied: plain JSON of at most 256 KiB. */
  readonly output: Output;
}

/** What is given to a step, before the contract's schema has filled in defaults. */
export type StepInput<C extends StepContract> = z.input<C['input']>;
/** What a step returns, as the contract's schema has parsed it. */
export type StepOutput<C extends StepContract> = z.output<C['output']>;
