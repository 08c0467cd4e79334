/**
 * One attempt at a step: its code runs and stages, the draft is sealed as an intent, and the intent is applied. An
 * intent that an earlier attempt sealed is only applied.
 */
import { defined } from '../../model/defined.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import { isToApply } from '../../model/record/effect.ts';
import { intentDigest } from '../../model/record/intent.ts';
import { isUndoId } from '../../model/record/token.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { Stage } from '../attempt/stage.ts';
import { sealFirst } from '../checkpoint/sealed-first.ts';
import { withForeseen } from '../commit/foreseen.ts';
import { describeIntent } from '../question/describe-intent.ts';
import type { AdmittedStep } from './admission.ts';
import { applyInSameHold, applySealed } from './apply-step.ts';
import { approvalRequired, isApproved } from './ask-about-step.ts';
import { stepAside } from './conclude-attempt.ts';
import { obstacleToApplying } from './obstacles.ts';
import { appendUnapplied, isOnlyRecorded } from './record-step.ts';
import { runCode, secretReader } from './run-code.ts';
import { resumedFailures } from './resume-later.ts';
import { isSmall, sealIntent, toBeSealed } from './seal-step.ts';
import { askBeforeSealing, resultOfFailure } from './step-failure.ts';
import type { AttemptResult, SealedAttempt, StepAttempt, StepRun } from './step-run.ts';
import type { SealableDraft } from './step-work.ts';

/** @throws HoldfastError for what may pass, and what the code throws while it has attempts left */
export async function runAttempt(run: StepRun, admitted: AdmittedStep): Promise<AttemptResult> {
  const { sealed, ...admission } = admitted;
  // An approval shows the contents before they are sealed: they cannot wait in memory.
  const { claim } = admitted;
  const isShown = run.request.approval !== undefined;
  // Somebody decides by what is shown; and what was wrong once is looked at.
  const mayLean = !isShown && claim.row.dropped === 0 && !isUndoId(claim.row.stepId);
  const stage = new Stage({ keepsContents: !isShown, mayLean });
  const attempt: StepAttempt = { ...run, ...admission, stage };
  try {
    return sealed === undefined ? await runSealAndApply(attempt) : await applySealed(attempt, sealed);
  } catch (error) {
    return await resultOfFailure(attempt, error);
  }
}

async function runSealAndApply(attempt: StepAttempt): Promise<AttemptResult> {
  const { workspace, request, work, settings, claim, stage } = attempt;
  if (attempt.within === undefined && !isUndoId(claim.row.stepId)) await sealFirst(attempt, request.jobId, settings);
  const draft = await work.make({
    settings,
    claim,
    stage,
    secretOf: secretReader(attempt),
    run: (code) => runCode(attempt, code),
  });
  if ('findings' in draft) return await askBeforeSealing(attempt, draft.findings, draft.why);
  const isShown = request.approval !== undefined;
  // What an undoing may take along was looked at, or asked about: nothing else is to go along with it.
  const isForeseen = isShown || draft.intent.undoes !== undefined;
  const intent = isForeseen ? await withForeseen({ workspace, settings, claim }, draft.intent) : draft.intent;
  const differences = isShown ? await describeIntent(workspace, intent) : [];
  let row = rowOf(attempt, { ...draft, intent });
  const result = await workspace.exclusive('seal', async (ledger) => {
    if (isOnlyRecorded(intent) && !row.approval) return recordAtOnce(attempt, ledger, row);
    const seen = ledger.reading(() => ({
      row: toBeSealed(attempt, ledger, row),
      applying: obstacleToApplying(attempt, ledger),
    }));
    row = seen.row;
    if (isSmall(row.intent, attempt.stage) && !row.approval) {
      // The draft is final from here on, though its seal is written with what follows.
      faultPoint('seal.before');
      faultPoint('seal.after');
      return await applyInSameHold({ ...attempt, ledger, row }, seen.applying);
    }
    sealIntent(attempt, ledger, row);
    if (!row.approval) return undefined;
    if (!isApproved(attempt, ledger, row.digest)) return approvalRequired(attempt, ledger, row, differences);
    // Applying it may take long, unless it is small: the lock is given back first.
    if (!isSmall(row.intent, attempt.stage)) return undefined;
    return await applyInSameHold({ ...attempt, ledger, row }, seen.applying);
  });
  return result ?? (await applySealed(attempt, row));
}

/** Nothing is applied, so that one transaction sees that the attempt is current, and has its record. */
function recordAtOnce(attempt: StepAttempt, ledger: Ledger, given: IntentRow): RunStepResult {
  faultPoint('seal.before');
  faultPoint('seal.after');
  faultPoint('record.before');
  const recorded = ledger.transaction(() => {
    const sealed: SealedAttempt = { ...attempt, ledger, row: toBeSealed(attempt, ledger, given) };
    const { obstacle } = obstacleToApplying(attempt, ledger);
    return obstacle === undefined ? appendUnapplied(sealed) : { obstacle: stepAside(sealed, obstacle) };
  });
  if ('obstacle' in recorded) return recorded.obstacle;
  faultPoint('record.after');
  return attempt.work.result(recorded.record, recorded.at, ledger);
}

function rowOf(attempt: StepAttempt, { intent, details }: SealableDraft): IntentRow {
  const { request } = attempt;
  // What was called is done already: an approval of nothing else is not asked.
  const changes = intent.effects.some(isToApply);
  const approval = request.approval === 'always' || (request.approval === 'before-apply' && changes);
  const { parallelSince } = request;
  const sealed = { ...details, ...defined({ parallelSince, resumed: resumedFailures(attempt) }) };
  return { intent, digest: intentDigest(intent), state: 'sealed', approval, details: sealed };
}
