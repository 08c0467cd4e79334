/**
 * The Activities that a job calls, by type only, and how each is called. Every timeout and retry policy is explicit.
 */
import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../model/job/activities.ts';
import type { Question } from '../model/question/question.ts';
import type { AskStuckRequest } from '../model/job/ask-stuck.ts';
import type { BeginUndoRequest, BeginUndoResult, UndoStepRequest, UndoStepResult } from '../model/job/undo.ts';
import type { ReleaseRequest, ReleaseResult } from '../model/job/release.ts';
import type { RepairRequest, RepairResult } from '../model/job/repair.ts';
import type { RunStepRequest, RunStepResult } from '../model/job/run-step.ts';
import type { VerificationReason, VerifyWorldRequest, VerifyWorldResult } from '../model/job/verify-world.ts';

/** Time beyond a step's own limit for what surrounds its code. */
const STEP_GRACE_MS = 60_000;
const HEARTBEAT_TIMEOUT_MS = 10_000;
export const DEFAULT_STEP_TIMEOUT_MS = 30 * 60_000;

/** What may pass (server, disk or database unreachable, lock busy) is tried again for as long as it takes. */
const PATIENT_RETRY = { initialInterval: 200, backoffCoefficient: 2, maximumInterval: 30_000 } as const;

const COMMON = {
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  // A half-applied intent must be finished: the Workflow waits until the Activity has said so.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const satisfies ActivityOptions;

export interface StepCall {
  readonly request: RunStepRequest;
  readonly timeoutMs: number;
  readonly retry?:
    | { readonly initialIntervalMs: number; readonly backoffCoefficient: number; readonly maxIntervalMs: number }
    | undefined;
}

export function callRunStep({ request, timeoutMs, retry }: StepCall): Promise<RunStepResult> {
  const again = request.generation === 0 ? '' : ` · generation ${request.generation}`;
  return proxyActivities<Activities>({
    ...COMMON,
    activityId: request.stepId,
    summary:
      `${request.step === request.stepId ? request.stepId : `${request.stepId} (${request.step})`}${again}`.slice(
        0,
        200,
      ),
    startToCloseTimeout: timeoutMs + STEP_GRACE_MS,
    retry:
      retry === undefined
        ? PATIENT_RETRY
        : {
            initialInterval: retry.initialIntervalMs,
            backoffCoefficient: retry.backoffCoefficient,
            maximumInterval: retry.maxIntervalMs,
          },
  }).runStep(request);
}

/** For the Temporal UI's timeline. */
const WHY: Readonly<Record<VerificationReason, string>> = {
  'first-of-run': 'the Run begins',
  'other-term': 'another has compared it meanwhile',
  'worker-not-covered': 'a new worker',
  'record-missing': 'a record is missing',
  'claim-left-open': 'a worker was lost',
  'too-long-since': 'too long since it was',
  'reads-differ': 'what a step read differs',
  'target-differs': 'what a step changes differs',
  'database-changed': 'a database is another one',
  'repair-pending': 'a decision is half carried out',
  decided: 'a decision was carried out',
  asked: 'somebody asked',
  'workspace-missing': 'the workspace is not there',
  'bound-to-another-job': 'the workspace belongs to another job',
};

export function callVerifyWorld(request: VerifyWorldRequest): Promise<VerifyWorldResult> {
  return proxyActivities<Activities>({
    ...COMMON,
    summary: `compare the world: ${WHY[request.reason]}`,
    startToCloseTimeout: '6 hours',
    retry: PATIENT_RETRY,
  }).verifyWorld(request);
}

export function callRepair(request: RepairRequest): Promise<RepairResult> {
  return proxyActivities<Activities>({
    ...COMMON,
    summary: `carry out the decision of ${request.decision.by}`.slice(0, 200),
    startToCloseTimeout: '6 hours',
    retry: PATIENT_RETRY,
  }).repair(request);
}

export function callAskStuck(request: AskStuckRequest): Promise<Question> {
  return proxyActivities<Activities>({
    ...COMMON,
    summary: `ask about ${request.stepId}`.slice(0, 200),
    startToCloseTimeout: '5 minutes',
    retry: PATIENT_RETRY,
  }).askStuck(request);
}

/** `attempts`: how often it is tried, where the job ends without it; default: as long as it takes. */
export function callBeginUndo(request: BeginUndoRequest, attempts?: number): Promise<BeginUndoResult> {
  return proxyActivities<Activities>({
    ...COMMON,
    summary: `begin to undo: ${WHY[request.reason]}`,
    startToCloseTimeout: '6 hours',
    retry: attempts === undefined ? PATIENT_RETRY : { ...PATIENT_RETRY, maximumAttempts: attempts },
  }).beginUndo(request);
}

export function callUndoStep(request: UndoStepRequest): Promise<UndoStepResult> {
  return proxyActivities<Activities>({
    ...COMMON,
    summary: `undo ${request.stepId}${request.generation === 0 ? '' : ` · generation ${request.generation}`}`.slice(
      0,
      200,
    ),
    startToCloseTimeout: DEFAULT_STEP_TIMEOUT_MS + STEP_GRACE_MS,
    retry: PATIENT_RETRY,
  }).undoStep(request);
}

/** Bounded: a job must be able to end while a database is away; the workspace then stays bound and says so. */
export function callRelease(request: ReleaseRequest): Promise<ReleaseResult> {
  return proxyActivities<Activities>({
    ...COMMON,
    summary: `give the workspace back: ${request.outcome}`,
    startToCloseTimeout: '5 minutes',
    retry: { ...PATIENT_RETRY, maximumAttempts: 6 },
  }).release(request);
}
