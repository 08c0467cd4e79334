/**
 * `ctx.step`: a guarded step within a step's code. It goes the way of every step (`run-step.ts`) without a round trip
 * through Temporal: its request is made here, from that of the step in whose code it runs.
 *
 * Invariants
 * 1. It acts only while the attempt in whose code it runs holds its claim.
 * 2. What a person has to answer, or a comparison to look at, ends that attempt, even if the code catches it; so does
 *    what may pass by itself, and whatever leaves it half done: no code goes on from there.
 * 3. It does not touch what the step around it has staged, nor write what that has read: the order of the two would be
 *    another one on a retry.
 */
import { SubStepNameSchema, subStepDepth, subStepIdOf } from '../../model/sub-step-id.ts';
import { defined } from '../../model/defined.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import { issuesText } from '../../model/issues-text.ts';
import {
  MAX_INPUT_BYTES,
  RunStepRequestSchema,
  type RunStepRequest,
  type RunStepResult,
} from '../../model/job/run-step.ts';
import type { Json } from '../../model/canonical-json.ts';
import type { Digest } from '../../model/digest.ts';
import { refuseUnknownOptions, type OptionNames } from '../../model/options.ts';
import { isUndoId } from '../../model/record/token.ts';
import type { StepContract } from '../../model/step/contract.ts';
import type { StepContext } from '../../model/step/step-context.ts';
import {
  isApprovalAsked,
  MAX_SUB_STEP_DEPTH,
  MAX_SUB_STEPS_AT_ONCE,
  type ItemOptions,
  type NamedSubStepOptions,
  type RunSubStep,
} from '../../model/step/sub-step.ts';
import { mustNotBeOver } from '../attempt/must-not-be-over.ts';
import { takeName } from '../attempt/take-name.ts';
import type { Caller } from '../host.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import { openIntent } from './admission.ts';
import { Obstacle } from './obstacles.ts';
import { RunWork } from './run-work.ts';
import { mayPass } from './step-failure.ts';
import type { StepAttempt, StepRun } from './step-run.ts';
import { functionStep } from './function-step.ts';

const OPTIONS: OptionNames<ItemOptions> = { name: true, approval: true, timeoutMs: true, besideApprovals: true };

/** Of those that are handed on; a program without types may give anything. */
const OPTION_VALUES = RunStepRequestSchema.pick({ approval: true, timeoutMs: true });

type SubStepCode = (context: StepContext, input: never) => unknown;

/** What a step's code asks for, put in order. */
interface Asked {
  readonly name: string;
  readonly step: string;
  readonly input: Json;
  readonly options: ItemOptions;
  /** Among them its code. */
  readonly steps: StepRun['host']['steps'];
}

/** `ctx.step` of an attempt. @param signal ends with the attempt, or the time of its code */
export function subStepRunner(attempt: StepAttempt, signal: AbortSignal): RunSubStep<StepContext> {
  const caller: Caller = { ...attempt.caller, signal };
  const queue: (() => void)[] = [];
  let running = 0;
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running === MAX_SUB_STEPS_AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
  return (async (what: string | StepContract, input: Json, third?: unknown, fourth?: NamedSubStepOptions) => {
    const asked = askedFor(attempt, what, input, third, fourth);
    return await inTurn(() => runSubStep(attempt, caller, asked));
  }) as RunSubStep<StepContext>;
}

function askedFor(
  attempt: StepAttempt,
  what: string | StepContract,
  input: Json,
  third: unknown,
  fourth: NamedSubStepOptions | undefined,
): Asked {
  const { host, request } = attempt;
  const isNamed = typeof what === 'string';
  const options = ((isNamed ? fourth : third) ?? {}) as ItemOptions;
  const name = isNamed ? what : (options.name ?? what.name);
  const use = `ctx.step("${name}")`;
  mustNotBeOver(attempt, use);
  refuseWhereOver(attempt, options);
  refuseUnknownOptions(use, options, OPTIONS);
  refuseUnusableOptions(use, options);
  mustBeUsable(use, name, request);
  takeName(attempt, `step ${name}`, use);
  if (!isNamed) return { name, step: what.name, input, options, steps: host.steps };
  if (typeof third !== 'function')
    throw new HoldfastError('bad-input', `${use} was given no code: expected ctx.step(name, input, fn).`);
  const code = functionStep(attempt, name, third as SubStepCode);
  return { name, step: code.contract.name, input, options, steps: new Map([[code.contract.name, code]]) };
}

function refuseUnusableOptions(use: string, { approval, timeoutMs }: ItemOptions): void {
  if (approval === undefined && timeoutMs === undefined) return;
  const checked = OPTION_VALUES.safeParse({ approval, timeoutMs });
  if (checked.success) return;
  throw new HoldfastError(
    'bad-input',
    `${use} was given options that it can't use: ${issuesText(checked.error.issues)}.`,
  );
}

function mustBeUsable(use: string, name: string, { stepId }: RunStepRequest): void {
  const checked = SubStepNameSchema.safeParse(name);
  if (!checked.success)
    throw new HoldfastError(
      'bad-input',
      `${use}: the name is not usable: ${issuesText(checked.error.issues, 'name')}.`,
    );
  if (isUndoId(stepId))
    throw new HoldfastError('bad-input', `${use}: a compensation has no sub-steps. Stage what it does itself.`);
  if (subStepDepth(stepId) < MAX_SUB_STEP_DEPTH) return;
  throw new HoldfastError(
    'bad-input',
    `${use}: ${stepId} lies ${MAX_SUB_STEP_DEPTH} deep already, and sub-steps lie no deeper within each other. ` +
      'Run it in the step around.',
    { stepId },
  );
}

async function runSubStep(attempt: StepAttempt, caller: Caller, asked: Asked): Promise<Json> {
  const { host, stage, workspace, runWork } = attempt;
  mustNotBeOver(attempt, `ctx.step("${asked.name}")`);
  refuseWhereOver(attempt, asked.options);
  const request = requestOf(attempt, asked);
  const work = new RunWork(asked, workspace, request);
  const within = { attempt };
  const result = await runWork({ host, workspace, caller, request, work, runWork, within }).catch((error: unknown) => {
    const named = namedBy(request.stepId, error);
    if (!isUnfinished(attempt, work.token, error)) throw named;
    stage.mustEnd ??= { error: named };
    throw named;
  });
  const output = outputOf(attempt, result);
  stage.subSteps.add(asked.name, output);
  if (attempt.within === undefined) caller.subStepDone?.(stage.subSteps.count, asked.name);
  return output;
}

/** The attempt ends with a question, or another obstacle. @throws what it ends with */
function refuseWhereOver({ stage: { mustEnd } }: StepAttempt, { besideApprovals }: ItemOptions): void {
  if (mustEnd === undefined || (besideApprovals === true && isApprovalAsked(mustEnd.error))) return;
  throw mustEnd.error;
}

/** Is it to be finished by a retry, whatever the code has in its place? */
function isUnfinished({ claim }: StepAttempt, token: Digest, error: unknown): boolean {
  if (mayPass(error) || isRecordTrouble(error)) return true;
  return claim.read((ledger) => openIntent(ledger, token)) !== undefined;
}

/** With the sub-step's name: of thousands a person wants to know which. */
function namedBy(stepId: string, error: unknown): unknown {
  if (!isFailure(error) || error.message.includes(stepId)) return error;
  const { type, message, details, retryAfterMs } = error;
  const options = defined({ cause: error, retryAfterMs });
  return new HoldfastError(type, `Sub-step ${stepId}: ${message}`, { stepId, ...details }, options);
}

function requestOf(
  { request, workspace: { secrets } }: StepAttempt,
  { name, step, input, options }: Asked,
): RunStepRequest {
  const { jobId, workspace, term, known, generation, uses, parallelSince, parallelWith, mark } = request;
  const stepId = subStepIdOf(request.stepId, name);
  const inputText = JSON.stringify(input) ?? '';
  // Both are recorded, the input of one that has a compensation before its code runs.
  if (!secrets.isEmpty) secrets.refuse(`${name} ${inputText}`, `what sub-step ${stepId} is named or given`);
  const sizeBytes = Buffer.byteLength(inputText);
  if (sizeBytes > MAX_INPUT_BYTES)
    throw new HoldfastError(
      'too-large',
      `Sub-step ${stepId} is given ${sizeBytes} bytes; at most ${MAX_INPUT_BYTES} are taken.`,
      { sizeBytes },
    );
  const { approval, timeoutMs } = options;
  const asOuter = defined({ uses, parallelSince, parallelWith, mark, approval, timeoutMs });
  return { jobId, workspace, term, known, stepId, step, generation, input, ...asOuter };
}

/** A copy: the code may change what it is given. */
function outputOf({ stage }: StepAttempt, result: RunStepResult): Json {
  if (result.kind === 'done') return JSON.parse(JSON.stringify(result.output)) as Json;
  const obstacle = new Obstacle(result);
  stage.mustEnd ??= { error: obstacle };
  throw obstacle;
}
