/** Sub-steps: guarded steps within a step's code, as it asks for them. */
import type { Json } from '../canonical-json.ts';
import type { StepContract, StepInput, StepOutput } from './contract.ts';

/** How deep sub-steps may lie within each other: a step's sub-step, and one within that. */
export const MAX_SUB_STEP_DEPTH = 2;

/** How many sub-steps of one step run at once; the others wait for their turn. */
export const MAX_SUB_STEPS_AT_ONCE = 32;

/** How a sub-step is run. */
export interface SubStepOptions {
  /** Stop with the exact changes; `always`: also where there are none. Default: no approval. */
  readonly approval?: 'before-apply' | 'always';
  /** How long its code may run, in milliseconds. Default: as long as the step's. */
  readonly timeoutMs?: number;
}

/** The same for one that a contract names. */
export interface NamedSubStepOptions extends SubStepOptions {
  /** Its name in the step. Default: the contract's. */
  readonly name?: string;
}

/** How `forEach` runs its items. */
export interface ItemOptions extends NamedSubStepOptions {
  /** Also where others of the list wait for an approval: a person sees several at once. */
  readonly besideApprovals?: boolean;
}

/** What a sub-step throws may say so. */
export interface MaybeApprovalAsked {
  readonly asksApproval: boolean;
}

/** Does the sub-step that threw this wait for an approval, and for nothing else? */
export function isApprovalAsked(error: unknown): boolean {
  return error instanceof Error && (error as Partial<MaybeApprovalAsked>).asksApproval === true;
}

/** `ctx.step`. `Context`: what a step's code is given. */
export interface RunSubStep<Context> {
  <Input extends Json, Output extends Json | void>(
    name: string,
    input: Input,
    fn: (context: Context, input: Input) => Output | Promise<Output>,
    options?: SubStepOptions,
  ): Promise<Output>;
  <C extends StepContract>(contract: C, input: StepInput<C>, options?: NamedSubStepOptions): Promise<StepOutput<C>>;
}
