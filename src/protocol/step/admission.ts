/** May this step begin? If so, it takes the claim of its token. Call under the lock. */
import { HoldfastError } from '../../model/failure.ts';
import { defined } from '../../model/defined.ts';
import { isPartOf, requestedStepOf } from '../../model/sub-step-id.ts';
import { isUndoId } from '../../model/record/token.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { Digest } from '../../model/digest.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Standing } from '../../store/ledger/standing.ts';
import { claimWithin, takeClaim } from '../attempt/take-claim.ts';
import type { Claim } from '../attempt/claim.ts';
import { recordCheckpoints } from '../commit/record-checkpoints.ts';
import { forPayload } from '../question/ask.ts';
import { approvalRequired, askTokenConflict, isApproved } from './ask-about-step.ts';
import { whyNotVerified } from './guard.ts';
import { heldResult } from './obstacles.ts';
import type { StepRun } from './step-run.ts';

export type StepAdmission = AdmittedStep | { readonly result: RunStepResult };

export interface AdmittedStep {
  readonly claim: Claim;
  /** The intent that an earlier attempt sealed and that is not recorded yet. */
  readonly sealed: IntentRow | undefined;
  readonly settings: JobSettings;
  /** How many records the chain has. */
  readonly admittedAt: number;
}

export function admitStep(run: StepRun, ledger: Ledger): StepAdmission {
  const { workspace, request, work } = run;
  const refused = notVerified(run, ledger) ?? recordedResult(run, ledger) ?? work.obstacle(ledger);
  if (refused !== undefined) return { result: refused };
  const { settings, at } = ledger.job(request.jobId)!;
  workspace.reserveDatabases(settings);
  const sealed = openIntent(ledger, work.token);
  const waiting = waitingResult(run, ledger, sealed) ?? notCompared(run, ledger);
  if (waiting !== undefined) return { result: waiting };
  return { claim: claimOf(run, ledger), sealed, settings, admittedAt: at.seq };
}

/**
 * The same of a sub-step that nothing is known of, or that is done (`recordedWithin`): without the lock, which the step
 * around it has had for both, and which is taken again before anything of it is sealed. Undefined: it has to be looked
 * at under the lock.
 */
export function admitWithin(run: StepRun, ledger: Ledger, { seq }: Standing): StepAdmission | undefined {
  const { work, within, request } = run;
  if (within === undefined || work.argsBytes !== undefined || request.approval !== undefined) return undefined;
  const { settings } = within.attempt;
  return { claim: claimOf(run, ledger, 'none'), sealed: undefined, settings, admittedAt: seq };
}

export function recordedWithin({ work }: StepRun, ledger: Ledger): StepAdmission | undefined {
  const recorded = ledger.stepRecord(work.token);
  return recorded?.record.args === work.args
    ? { result: work.result(recorded.record, recorded.at, ledger) }
    : undefined;
}

function notVerified({ host, caller, request }: StepRun, ledger: Ledger): RunStepResult | undefined {
  const reason = whyNotVerified(ledger, host, caller, request);
  if (reason !== undefined) return { kind: 'verification-required', ...reason };
  // What is undone is a record of whichever generation.
  if (isUndoId(request.stepId)) return undefined;
  const highest = ledger.generations.highest(request.jobId, requestedStepOf(request.stepId));
  return highest !== undefined && highest > request.generation
    ? { kind: 'other-generation', generation: highest }
    : undefined;
}

function recordedResult(run: StepRun, ledger: Ledger): RunStepResult | undefined {
  const recorded = ledger.stepRecord(run.work.token);
  if (recorded === undefined) return undefined;
  if (run.request.checkpoints !== undefined) ledger.transaction(() => noteCheckpoints(run, ledger), { relaxed: true });
  const { record, at } = recorded;
  // Of what a fork has from another job it is asked with what tells the two apart: the job's id, say.
  const isOfAnother = record.jobId !== run.request.jobId;
  const isAsked = record.args === run.work.args || run.request.inputMayDiffer === true || isOfAnother;
  return isAsked ? run.work.result(record, at, ledger) : askTokenConflict(run, ledger, record);
}

/** What is sealed, or begun to be applied, and not recorded. */
export function openIntent(ledger: Ledger, token: Digest): IntentRow | undefined {
  const row = ledger.intent(token);
  return row?.state === 'dropped' ? undefined : row;
}

/** What a person has to answer first, whether or not it is about this step. */
function waitingResult(run: StepRun, ledger: Ledger, sealed: IntentRow | undefined): RunStepResult | undefined {
  const { request, work } = run;
  if (sealed !== undefined && sealed.intent.args !== work.args) return askTokenConflict(run, ledger, sealed.intent);
  const open = ledger
    .openQuestions(request.jobId)
    .find((question) => question.token === work.token && question.kind !== 'approval');
  if (open !== undefined) return { kind: 'question', question: forPayload(open) };
  const held = heldResult(run, ledger);
  if (held !== undefined) return held;
  return sealed?.state === 'sealed' && sealed.approval && !isApproved(run, ledger, sealed.digest)
    ? approvalRequired(run, ledger, sealed)
    : undefined;
}

/** A claim left open: its worker was lost. The world must have been compared since that was noticed. */
function notCompared({ work }: StepRun, ledger: Ledger): RunStepResult | undefined {
  const earlier = ledger.claim(work.token);
  if (earlier === undefined || (earlier.state !== 'open' && earlier.state !== 'left-open')) return undefined;
  const job = ledger.job(earlier.jobId);
  if (job === undefined)
    throw new HoldfastError(
      'ledger-damaged',
      `The ledger's claim of step ${earlier.stepId} is of job ${earlier.jobId}, of which it has nothing.`,
      { stepId: earlier.stepId },
    );
  if (earlier.state === 'left-open' && earlier.ordinal < job.markOrdinal) return undefined;
  if (earlier.state === 'open') {
    const lost = ledger
      .openClaims(earlier.jobId)
      .filter(({ stepId }) => isPartOf(stepId, requestedStepOf(earlier.stepId)));
    const note = (): void => {
      const ordinal = ledger.nextOrdinal();
      for (const claim of lost) ledger.putClaim({ ...claim, state: 'left-open', ordinal });
    };
    ledger.transaction(note, { relaxed: true });
  }
  return {
    kind: 'verification-required',
    reason: 'claim-left-open',
    detail: `nothing was heard of the end of attempt ${earlier.attempts} of step ${earlier.stepId}`,
  };
}

/** `earlier`: has the token had a claim? Default: the ledger is asked. */
function claimOf({ host, workspace, caller, request, work, within }: StepRun, ledger: Ledger, earlier?: 'none'): Claim {
  const { jobId, stepId, generation } = request;
  const { token, args, argsBytes } = work;
  const claim = { token, jobId, stepId, generation, args, argsBytes, workerId: host.worker.id };
  const scope = { workspace, caller, ledger };
  if (within === undefined) return takeClaim(scope, claim, () => noteCheckpoints({ caller, request }, ledger));
  return claimWithin(scope, claim, { within: within.attempt.claim, ...defined({ earlier }) });
}

/** What the job is at the end of the super-step before this one: recorded before anything of this one happens. */
function noteCheckpoints({ caller, request }: Pick<StepRun, 'caller' | 'request'>, ledger: Ledger): void {
  const { jobId, checkpoints } = request;
  if (checkpoints !== undefined) recordCheckpoints(ledger, { jobId, runId: caller.runId }, checkpoints);
}
