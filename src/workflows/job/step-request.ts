/** A step's request from what a Workflow gives: checked before it becomes history. */
import { assertJson, refuseTooDeep, type Json } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import { issuesText } from '../../model/issues-text.ts';
import { MAX_INPUT_BYTES } from '../../model/job/run-step.ts';
import { StepIdSchema } from '../../model/record/token.ts';
import type { StepContract } from '../../model/step/step.ts';
import type { GateStep } from '../gate/gate-options.ts';
import type { StepOptions } from '../guarded-job.ts';
import { refuseBadStepOptions } from './options.ts';

/** @throws HoldfastError `bad-input`, for an input that does not fit the contract; `not-json`: nested too deep */
export function checkInput(stepId: string, contract: StepContract, input: unknown): void {
  refuseTooDeep(input, 'input');
  const checked = contract.input.safeParse(input);
  if (checked.success) return;
  const issues = issuesText(checked.error.issues, 'input');
  throw new HoldfastError(
    'bad-input',
    `Step ${stepId} was given an input that does not fit the contract of ${contract.name}: ${issues}.`,
  );
}

/** @throws HoldfastError `not-json`; `bad-input` for options that cannot be used */
export function stepRequest(
  stepId: string,
  contract: StepContract,
  input: unknown,
  options: StepOptions,
): GateStep['request'] {
  refuseBadStepOptions(stepId, options);
  const { uses, approval, onFailure, onReject, inputMayDiffer, timeoutMs, retry, resume } = options;
  const json: Json = assertJson(input, 'input');
  return {
    stepId,
    step: contract.name,
    input: json,
    ...(inputMayDiffer === true ? { inputMayDiffer } : {}),
    ...defined({ uses: uses && [...uses], approval, onFailure, onReject, timeoutMs }),
    ...defined({ maxAttempts: retry?.maxAttempts, resumeAtMost: resume?.atMost }),
  };
}

/** @throws HoldfastError `bad-input` for an id that is none, `too-large` */
export function refuseBadRequest({ stepId, input }: GateStep['request']): void {
  const id = StepIdSchema.safeParse(stepId);
  if (!id.success) {
    const why = id.error.issues[0]?.message ?? 'not valid';
    throw new HoldfastError('bad-input', `"${stepId}" cannot be a step's id: ${why}.`);
  }
  const { length } = JSON.stringify(input);
  if (length > MAX_INPUT_BYTES)
    throw new HoldfastError(
      'too-large',
      `The input of step ${stepId} has ${length} characters; at most ${MAX_INPUT_BYTES} go into a history.`,
    );
}
