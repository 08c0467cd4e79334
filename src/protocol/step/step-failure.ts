/**
 * What follows from what an attempt threw.
 *
 * Invariants
 * 1. The claim is closed durably first: only a claim left open means a lost worker.
 * 2. Only the step's own failures count against its attempts; what may pass does not.
 * 3. A call in doubt is asked about before the step is given up, also where the step then fails: whoever catches the
 *    failure may make another call in its place.
 */
import { FAILURES, type FailureType } from '../../model/failures.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import { fittingQuestions } from '../../model/question/bounded-question.ts';
import type { Finding } from '../../model/question/finding.ts';
import { isAboutTheWorld } from '../../model/question/question.ts';
import { isWithin } from '../../model/sub-step-id.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { storageError } from '../../store/durable-file.ts';
import { begunDoubts, noteDoubts } from '../attempt/calls/doubts.ts';
import { InDoubt } from '../attempt/in-doubt.ts';
import type { Doubt } from '../question/doubt.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import { MustVerify } from '../attempt/must-verify.ts';
import { askAboutStep, askStuck } from './ask-about-step.ts';
import { rememberFailure } from './failed-for-good.ts';
import { Obstacle } from './obstacles.ts';
import { failuresForgiven, resumedFailures, resumeLater } from './resume-later.ts';
import type { StepAttempt } from './step-run.ts';

const DEFAULT_MAX_ATTEMPTS = 3;

/** @throws the error itself where the caller is to try again, or where the attempt was cut off or replaced */
export async function resultOfFailure(attempt: StepAttempt, error: unknown): Promise<RunStepResult> {
  const { workspace, caller, claim } = attempt;
  if (error instanceof MustVerify) {
    await claim.close();
    const asked = await askAboutDrift(attempt, error);
    return asked ?? { kind: 'verification-required', reason: error.reason, detail: error.message };
  }
  if (error instanceof Obstacle) {
    await claim.close();
    return withOthers(attempt, error.result);
  }
  // Not the step's: the claim stays open, since the record can't be written, and a comparison asks about it.
  if (isRecordTrouble(error)) throw error;
  if (caller.signal.aborted || isFailure(error, 'fenced')) {
    await claim.close();
    throw error;
  }
  if (error instanceof InDoubt)
    return await workspace.exclusive('ask', (ledger) => askInDoubt(attempt, ledger, error.doubts));
  const failure = workspace.secrets.redactError(asFailure(error, attempt));
  if (failure.retryable && !isOwnFailure(failure)) {
    await claim.close();
    throw failure;
  }
  return await countFailure(attempt, failure);
}

/** With what else sub-steps of this step ask, whatever asked first: a person sees all of it. */
function withOthers({ claim, within, request: { jobId, stepId } }: StepAttempt, result: RunStepResult): RunStepResult {
  if (within !== undefined || result.kind !== 'question' || isAboutTheWorld(result.question)) return result;
  const open = claim.read((ledger) => ledger.openQuestions(jobId));
  const others = open.filter(
    (question) =>
      question.stepId !== undefined && isWithin(question.stepId, stepId) && question.digest !== result.question.digest,
  );
  return others.length === 0 ? result : { ...result, others: [...fittingQuestions(others)] };
}

/** Before anything is sealed: the attempt ends, and begins anew once a person has answered. */
export async function askBeforeSealing(
  attempt: StepAttempt,
  findings: readonly Finding[],
  why: string,
): Promise<RunStepResult> {
  const { workspace, claim } = attempt;
  return await workspace.exclusive('ask', (ledger) =>
    ledger.transaction(() => {
      claim.mustBeCurrent(ledger);
      claim.update(ledger, { state: 'closed' });
      return askAboutStep(attempt, ledger, findings, why);
    }),
  );
}

/** By itself, and says nothing of what the code wants: where an endpoint is away, it may have another. */
export function mayPass(error: unknown): boolean {
  if (!isFailure(error) || !error.retryable) return false;
  return !isOwnFailure(error) && error.type !== 'endpoint-unreachable' && error.type !== 'endpoint-busy';
}

/** Of the step's code, not of what surrounds it. */
function isOwnFailure({ type }: HoldfastError): boolean {
  return type === 'step-failed' || type === 'step-timeout' || type === 'command-failed';
}

async function countFailure(attempt: StepAttempt, failure: HoldfastError): Promise<RunStepResult> {
  const { workspace, claim } = attempt;
  const mayRetry = hasAttemptsLeft(attempt, failure);
  await claim.close({ failures: claim.row.failures + 1 });
  if (attempt.within !== undefined) return await thrownToOuter(attempt, attempt.within.attempt, failure);
  if (mayRetry) throw failure;
  return await workspace.exclusive('ask', (ledger) => {
    // The step may be done by now, by the attempt that has replaced this one: then there is nothing to ask.
    claim.mustBeCurrent(ledger);
    // A person may know that the call happened.
    const doubts = begunDoubts(ledger, claim, `the step's attempts are used up: ${failure.message}`);
    if (doubts.length > 0) return askInDoubt(attempt, ledger, doubts);
    return (
      resumeLater(attempt, ledger, failure) ??
      failedResult(attempt, ledger, failure) ??
      askStuck(attempt, ledger, failure, {
        subStepsDone: attempt.stage.subSteps.count,
        resumed: resumedFailures(attempt) ?? [],
      })
    );
  });
}

/** One more failure of the step that is requested: may it be tried again by itself? */
function hasAttemptsLeft(attempt: StepAttempt, failure: HoldfastError): boolean {
  const { claim, request, within } = attempt;
  if (within !== undefined) return hasAttemptsLeft(within.attempt, failure);
  const failures = claim.row.failures - failuresForgiven(attempt);
  return failure.retryable && failures + 1 < (request.maxAttempts ?? DEFAULT_MAX_ATTEMPTS);
}

/**
 * The step around a sub-step counts its own failures, or goes on. From a call in doubt nobody goes on: a retry settles
 * it where the call's policy lets it, else a person.
 */
async function thrownToOuter(attempt: StepAttempt, outer: StepAttempt, failure: HoldfastError): Promise<RunStepResult> {
  const why = `its sub-step failed: ${failure.message}`;
  const doubts = attempt.claim.read((ledger) => begunDoubts(ledger, attempt.claim, why));
  if (doubts.length === 0) throw failure;
  if (hasAttemptsLeft(outer, failure) && doubts.every(({ row }) => row.inDoubt !== 'ask')) {
    outer.stage.mustEnd ??= { error: failure };
    throw failure;
  }
  return await attempt.workspace.exclusive('ask', (ledger) => askInDoubt(attempt, ledger, doubts));
}

/** Undefined: a person is asked. What is half applied is nobody's to go on from. */
function failedResult(
  attempt: StepAttempt,
  ledger: Ledger,
  { type, message }: HoldfastError,
): RunStepResult | undefined {
  const { claim, request } = attempt;
  const { onFailure, stepId } = request;
  const result = { kind: 'failed', type, message: `Step ${stepId}: ${message}` } as const;
  if (onFailure !== 'fail-for-good') return onFailure === 'fail' ? result : undefined;
  if (ledger.intent(claim.row.token)?.state === 'applying') return undefined;
  ledger.transaction(() => {
    claim.mustBeCurrent(ledger);
    rememberFailure(ledger, claim.row, result);
  });
  return result;
}

function askInDoubt(attempt: StepAttempt, ledger: Ledger, doubts: readonly Doubt[]): RunStepResult {
  const { request, claim } = attempt;
  return ledger.transaction(() => {
    claim.mustBeCurrent(ledger);
    claim.update(ledger, { state: 'closed' });
    const findings = noteDoubts(ledger, claim, doubts);
    return askAboutStep(attempt, ledger, findings, `step ${request.stepId} has calls in doubt`);
  });
}

/** Undefined: the whole world is to be compared. */
async function askAboutDrift(attempt: StepAttempt, drift: MustVerify): Promise<RunStepResult | undefined> {
  const { workspace, request, work } = attempt;
  if (work.driftFindings === undefined) return undefined;
  return await workspace.exclusive('ask', async (ledger) => {
    const { settings } = ledger.job(request.jobId)!;
    const findings = await work.driftFindings!(ledger, settings, drift);
    return findings.length === 0 ? undefined : askAboutStep(attempt, ledger, findings, drift.message);
  });
}

/** What a step's code throws, or what surrounds it, as one of the closed list. */
function asFailure(error: unknown, { request: { stepId }, stage }: StepAttempt): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (error !== stage.thrown && isOfSystem(error)) return storageError(error.syscall, error.path ?? 'a file', error);
  const { name, message, nonRetryable, type } = error as {
    name?: string;
    message?: string;
    nonRetryable?: boolean;
    type?: string;
  };
  if (nonRetryable === true && type !== undefined && type in FAILURES)
    return new HoldfastError(type as FailureType, message ?? String(error), {}, { cause: error });
  return new HoldfastError(
    'step-failed',
    `Step ${stepId} failed: ${name ?? 'Error'}: ${message ?? String(error)}`,
    {},
    { cause: error },
  );
}

/** Of a file system call that met trouble while Holdfast did what the step wanted. */
function isOfSystem(error: unknown): error is Error & { readonly syscall: string; readonly path?: string } {
  return error instanceof Error && 'syscall' in error && typeof error.syscall === 'string';
}
