/**
 * A step's contract: its name and what goes in and out. It knows no code, so that a Workflow that imports it bundles no
 * Node code; the code is given apart, by `implementStep`, to the worker.
 */
import * as z from 'zod';
import { HoldfastError } from './failure.ts';
import type { StepContext } from './step-context.ts';

export const StepNameSchema = z
  .string()
  .max(80)
  .regex(/^[A-Za-z][\w.-]*$/, 'expected a letter, then letters, digits, _ . -');

export interface StepContract<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly input: Input;
  readonly output: Output;
}

export type StepInput<C extends StepContract> = z.input<C['input']>;
export type StepOutput<C extends StepContract> = z.output<C['output']>;

/**
 * States a step's contract. Pure; safe to call in a Workflow.
 * @param contract.name letters, digits, `_ . -`; unique among the worker's steps
 * @param contract.input zod schema; what it accepts must be plain JSON
 * @param contract.output zod schema; what the code returns is checked by it before anything is applied
 * @throws HoldfastError `bad-input` if the name is not usable
 */
export function defineStep<Input extends z.ZodType, Output extends z.ZodType>(contract: {
  readonly name: string;
  readonly input: Input;
  readonly output: Output;
}): StepContract<Input, Output> {
  const name = StepNameSchema.safeParse(contract.name);
  if (!name.success) {
    throw new HoldfastError('bad-input', `"${contract.name}" cannot be a step's name: ${name.error.issues[0]?.message ?? 'not valid'}.`);
  }
  return { name: contract.name, input: contract.input, output: contract.output };
}

export interface StepImplementation<C extends StepContract = StepContract> {
  readonly contract: C;
  /** Raise it when the code's meaning changes; a job that ran another version is told so at its next resume. Default '1'. */
  readonly version: string;
  readonly run: (context: StepContext, input: z.output<C['input']>) => Promise<z.input<C['output']>> | z.input<C['output']>;
}

/**
 * Gives a contract its code. The code runs in an Activity; it changes the world through `ctx` only, and `ctx` stages:
 * nothing is applied before the code has returned.
 */
export function implementStep<C extends StepContract>(
  contract: C,
  run: StepImplementation<C>['run'],
  options: { readonly version?: string } = {},
): StepImplementation<C> {
  return { contract, run, version: options.version ?? '1' };
}

/** The zod that contracts are checked with: schemas of another major version would not fit. */
export { z };
