/** How each Activity of a job is called. Every timeout and retry policy is explicit. */
import {
  ActivityCancellationType,
  ActivityFailure,
  proxyActivities,
  TimeoutFailure,
  type ActivityOptions,
} from '@temporalio/workflow';
import { defined } from '../model/defined.ts';
import { DEFAULT_HEARTBEAT_TIMEOUT_MS } from '../model/heartbeat-timeout.ts';
import type { Activities } from '../model/job/activities.ts';
import type { AskStuckRequest } from '../model/job/ask-stuck.ts';
import type { RecallRequest, RecallResult } from '../model/job/recall.ts';
import type { ReleaseRequest, ReleaseResult } from '../model/job/release.ts';
import type { RepairRequest, RepairResult } from '../model/job/repair.ts';
import type { RewindRequest } from '../model/job/rewind.ts';
import type { EditRequest } from '../model/job/edit.ts';
import { DEFAULT_STEP_TIMEOUT_MS, type RunStepRequest, type RunStepResult } from '../model/job/run-step.ts';
import type { BeginUndoRequest, BeginUndoResult, UndoStepRequest, UndoStepResult } from '../model/job/undo.ts';
import { REASON_TEXT } from '../model/job/reason-text.ts';
import type { SubPlanOutcome, SubPlanOutcomeRequest } from '../model/job/sub-plan.ts';
import type { VerifyWorldRequest, VerifyWorldResult } from '../model/job/verify-world.ts';
import { UNDOING_MARK } from '../model/job/undoing-mark.ts';
import { NO_WORKER_NOTICED } from '../model/job/worker-wait.ts';
import { againText } from '../model/record/try-text.ts';
import { requestedStepOf } from '../model/sub-step-id.ts';
import type { Question } from '../model/question/question.ts';

/**
 * Time beyond a step's own limit for what surrounds its code: ending its commands, sealing, applying. The limit itself
 * is the worker's to keep, so that it counts as an attempt; this one is for a worker that never answers.
 */
const STEP_GRACE_MS = 6 * 3_600_000;
/** Of what only answers. */
const ANSWER_TIMEOUT_MS = 10_000;
/** An attempt that is silent for longer is taken for lost, and made again. */
let heartbeatTimeoutMs = DEFAULT_HEARTBEAT_TIMEOUT_MS;
/** For what grows with the workspace. */
const LONG_TIMEOUT = '6 hours';
const SHORT_TIMEOUT = '5 minutes';
const MAX_SUMMARY_CHARACTERS = 200;
const RELEASE_ATTEMPTS = 6;
/** About three minutes; then the decision is refused with the reason, and the question stays for another one. */
const REPAIR_ATTEMPTS = 12;

/** What may pass (server, disk or database unreachable, lock busy) is tried again for as long as it takes. */
const PATIENT_RETRY = { initialInterval: 200, backoffCoefficient: 2, maximumInterval: 30_000 } as const;

const COMMON = {
  // A half-applied intent must be finished: the Workflow waits until the Activity has said so.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: PATIENT_RETRY,
} as const satisfies ActivityOptions;

/** How long a worker may take to take an Activity: beyond that it fails, and has never run. Undefined: for ever. */
export type TakenWithinMs = number | undefined;

/** For all Activities of this Workflow Execution, which is one job. A history replays with any. */
export function setHeartbeatTimeout(timeoutMs: number): void {
  heartbeatTimeoutMs = timeoutMs;
}

export interface StepCall {
  readonly request: RunStepRequest;
  /** Default: patient. How often the step's code may fail is counted by the worker. */
  readonly retry?:
    | { readonly initialIntervalMs: number; readonly backoffCoefficient: number; readonly maxIntervalMs: number }
    | undefined;
}

export function callRunStep({ request, retry }: StepCall, within: TakenWithinMs): Promise<RunStepResult> {
  const { stepId, step, timeoutMs = DEFAULT_STEP_TIMEOUT_MS } = request;
  const name = step === stepId ? stepId : `${stepId} (${step})`;
  return activities({
    activityId: stepId,
    summary: `${name}${againText(request.generation)}`,
    startToCloseTimeout: timeoutMs + STEP_GRACE_MS,
    ...defined({
      scheduleToStartTimeout: within,
      retry: retry && {
        initialInterval: retry.initialIntervalMs,
        backoffCoefficient: retry.backoffCoefficient,
        maximumInterval: retry.maxIntervalMs,
      },
    }),
  }).runStep(request);
}

export function callVerifyWorld(request: VerifyWorldRequest, within: TakenWithinMs): Promise<VerifyWorldResult> {
  const summary = `compare the world: ${REASON_TEXT[request.reason]}`;
  return activities({ summary, startToCloseTimeout: LONG_TIMEOUT, ...taken(within) }).verifyWorld(request);
}

export function callRecall(request: RecallRequest, within: TakenWithinMs): Promise<RecallResult> {
  const summary = `results of earlier Runs, after record ${request.after}`;
  return activities({ summary, startToCloseTimeout: SHORT_TIMEOUT, ...taken(within) }).recall(request);
}

export function callRepair(request: RepairRequest, within: TakenWithinMs): Promise<RepairResult> {
  const { by, answer, items = {} } = request.decision;
  const answers = [...new Set([answer, ...Object.values(items)])].filter((one) => one !== undefined);
  const summary = `carry out the decision of ${by}: ${answers.join(', ')}`;
  return repairs(summary, within).repair(request);
}

export function callRewind(request: RewindRequest, within: TakenWithinMs): Promise<RepairResult> {
  const { by, to } = request.rewind;
  const what = to === undefined ? 'undo the latest rewind' : `rewind to checkpoint ${to}`;
  return repairs(`${what}, as ${by} wants it`, within).rewind(request);
}

export function callEdit(request: EditRequest, within: TakenWithinMs): Promise<RepairResult> {
  const { by, asNode } = request.edit;
  return repairs(`put in by hand what ${asNode} comes to, as ${by} wants it`, within).edit(request);
}

export function callAskStuck(request: AskStuckRequest, within: TakenWithinMs): Promise<Question> {
  const summary = `ask about ${request.stepId}`;
  return activities({ summary, startToCloseTimeout: SHORT_TIMEOUT, ...taken(within) }).askStuck(request);
}

/** @param attempts how often it is tried, where the job ends without it; default: as long as it takes */
export function callBeginUndo(
  request: BeginUndoRequest,
  within: TakenWithinMs,
  attempts?: number,
): Promise<BeginUndoResult> {
  return activities({
    summary: `begin to undo: ${REASON_TEXT[request.reason]}`,
    startToCloseTimeout: LONG_TIMEOUT,
    ...taken(within),
    retry: { ...PATIENT_RETRY, ...defined({ maximumAttempts: attempts }) },
  }).beginUndo(request);
}

export function callUndoStep(request: UndoStepRequest, within: TakenWithinMs): Promise<UndoStepResult> {
  const { stepId, generation, more = [] } = request;
  const outerId = requestedStepOf(stepId);
  const what = more.length === 0 ? stepId : `${outerId}: ${more.length + 1} sub-steps`;
  return activities({
    summary: `undo ${what}${againText(generation)}`,
    ...defined({ activityId: more.length === 0 ? undefined : `${UNDOING_MARK}${outerId}` }),
    startToCloseTimeout: DEFAULT_STEP_TIMEOUT_MS + STEP_GRACE_MS,
    ...taken(within),
  }).undoStep(request);
}

export function callSubPlanOutcome(request: SubPlanOutcomeRequest, within: TakenWithinMs): Promise<SubPlanOutcome> {
  const summary = `what has become of ${request.subJob}`;
  return activities({ summary, startToCloseTimeout: SHORT_TIMEOUT, ...taken(within) }).subPlanOutcome(request);
}

/** Bounded: a job must be able to end while a database is away; the workspace then stays bound and says so. */
export function callRelease(request: ReleaseRequest, within: TakenWithinMs): Promise<ReleaseResult> {
  return activities({
    summary: `give the workspace back: ${request.outcome}`,
    startToCloseTimeout: SHORT_TIMEOUT,
    ...taken(within),
    retry: { ...PATIENT_RETRY, maximumAttempts: RELEASE_ATTEMPTS },
  }).release(request);
}

/**
 * Waits until a worker answers, for as long as it takes. Once: also a worker that doesn't know it has answered.
 * @param noticedAt when it was noticed that nothing is taken, for whoever looks at the job
 */
export function callWorkerAnswers(noticedAt: string): Promise<void> {
  return activities({
    activityId: `${NO_WORKER_NOTICED}${noticedAt}`,
    summary: 'is a worker there?',
    startToCloseTimeout: ANSWER_TIMEOUT_MS,
    retry: { maximumAttempts: 1 },
  }).workerAnswers();
}

/** No worker has taken it in time: it has not run since it was last scheduled, and the server does not try it again. */
export function isNotTaken(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START';
}

function taken(within: TakenWithinMs): Pick<ActivityOptions, 'scheduleToStartTimeout'> {
  return defined({ scheduleToStartTimeout: within });
}

/** What a person wants of the record and the world. */
function repairs(summary: string, within: TakenWithinMs): Activities {
  const retry = { ...PATIENT_RETRY, maximumAttempts: REPAIR_ATTEMPTS };
  return activities({ summary, startToCloseTimeout: LONG_TIMEOUT, ...taken(within), retry });
}

function activities(options: ActivityOptions & { readonly summary: string }): Activities {
  return proxyActivities<Activities>({
    ...COMMON,
    heartbeatTimeout: heartbeatTimeoutMs,
    ...options,
    summary: options.summary.slice(0, MAX_SUMMARY_CHARACTERS),
  });
}
