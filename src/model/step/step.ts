/**
 * A step's contract: its name and what goes in and out. It knows no code, so that a Workflow that imports it bundles no
 * Node code; the code is given apart, by `implementStep`, to the worker.
 */
import * as z from 'zod';
import { defined } from '../defined.ts';
import { HoldfastError } from '../failure.ts';
import { refuseUnknownOptions } from '../options.ts';
import type { CompensatedRecord } from './compensated.ts';
import type { StepContract } from './contract.ts';
import type { StepContext } from './step-context.ts';

export type { StepContract, StepInput, StepOutput } from './contract.ts';

export const StepNameSchema = z
  .string()
  .max(80)
  .regex(/^[A-Za-z][\w.-]*$/, 'expected a letter, then letters, digits, _ . -');

/**
 * States a step's contract. Pure; safe to call in a Workflow.
 * @param contract.name letters, digits, `_ . -`; unique among the worker's steps
 * @param contract.description what it does and when to use it, for a model that is given it as a tool. Default: none
 * @param contract.input zod schema; what it accepts must be plain JSON
 * @param contract.output zod schema; what the code returns is checked by it before anything is applied
 * @throws HoldfastError `bad-input` if the name is not usable, or a field is unknown
 */
export function defineStep<Input extends z.ZodType, Output extends z.ZodType>(contract: {
  readonly name: string;
  readonly description?: string;
  readonly input: Input;
  readonly output: Output;
}): StepContract<Input, Output> {
  refuseUnknownOptions('defineStep', contract, { name: true, description: true, input: true, output: true });
  const name = StepNameSchema.safeParse(contract.name);
  if (!name.success) {
    throw new HoldfastError(
      'bad-input',
      `"${contract.name}" cannot be a step's name: ${name.error.issues[0]?.message ?? 'not valid'}.`,
    );
  }
  const { description, input, output } = contract;
  return { name: contract.name, ...defined({ description }), input, output };
}

/** A contract with its code, for a worker. */
export interface StepImplementation<C extends StepContract = StepContract> {
  /** What `defineStep` returned. */
  readonly contract: C;
  /**
   * Raise it when the code's meaning changes; a job that ran another version is told so at its next resume. Default
   * '1'.
   */
  readonly version: string;
  /** The code. It changes the world through `context` only. */
  readonly run: (
    context: StepContext,
    input: z.output<C['input']>,
  ) => Promise<z.input<C['output']>> | z.input<C['output']>;
  /** Undoes what can't be undone by itself. Default: nothing does. */
  readonly compensate?: Compensate<C>;
}

/**
 * Undoes what can't be undone by itself: calls, SQL without an undo. It runs once, when the job is aborted with
 * `compensate`, before what the step had staged is undone by itself, and is a guarded step like any other: what it
 * stages is applied together with that, once. A path or row that it changes itself is left to it. Returning `{
 * undoStaged: false }` says that it has seen to everything: nothing is undone by itself.
 * @throws whatever it likes: it is tried again, three times in all, then a person is asked
 */
export type Compensate<C extends StepContract = StepContract> = (
  context: StepContext,
  record: CompensatedRecord<z.output<C['input']>, z.output<C['output']>>,
) => Promise<CompensateResult> | CompensateResult;

/** What a compensation says of itself. Nothing: what the step had staged is undone by itself, too. */
export type CompensateResult = void | {
  /** False: the code has seen to everything, and nothing is undone by itself. */
  readonly undoStaged: boolean;
};

/**
 * Gives a contract its code. The code runs in an Activity; it changes the world through `ctx` only, and `ctx` stages:
 * nothing is applied before the code has returned.
 * @param options.compensate undoes what can't be undone by itself, when the job is aborted with `compensate`.
 *   Default: none; files and rows are undone all the same, calls and SQL without an undo are named as not undone
 * @throws HoldfastError `bad-input` for an option that is unknown
 */
export function implementStep<C extends StepContract>(
  contract: C,
  run: StepImplementation<C>['run'],
  options: { readonly version?: string; readonly compensate?: Compensate<C> } = {},
): StepImplementation<C> {
  refuseUnknownOptions(`implementStep of ${contract.name}`, options, { version: true, compensate: true });
  return {
    contract,
    run,
    version: options.version ?? '1',
    ...defined({ compensate: options.compensate }),
  };
}

/** The zod that contracts are checked with: schemas of another major version would not fit. */
export { z };
