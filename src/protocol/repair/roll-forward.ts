/**
 * Rolls a sealed repair forward, however often it is killed; what has come of it is one record of the chain.
 *
 * Invariant: a term rises in every database first and in the ledger last, with the record; it never falls.
 */
import type { Answer } from '../../model/question/answer.ts';
import type { Decision } from '../../model/question/decision.ts';
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { RepairResult } from '../../model/job/repair.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import { asPutIns } from '../../model/record/put-in.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import { faultPoint, faultPointAsync } from '../../store/fault-point.ts';
import { carryOut } from './carry-out.ts';
import { decisionFields } from './decision-record.ts';
import { raiseTerm } from './changes/term.ts';
import { reinstatedRecords } from './reinstate.ts';
import { planReinstate, type ReinstatePlan } from './reinstate-plan.ts';
import type { RepairContext } from './running/context.ts';
import { RunningRepair } from './running/running-repair.ts';
import { SealedRepairSchema, type SealedRepair } from './running/sealed-repair.ts';

/** Answers that change the record of the world: they raise the term, which fences leftovers. */
const RAISES_TERM: readonly Answer[] = ['accept', 'restore', 'rerun', 'skip', 'overwrite', 'undo', 'keep'];
const MAX_NOTES_IN_RESULT = 50;
const MAX_NOTE_CHARACTERS = 2_000;
const MAX_REINSTATED_IN_RESULT = 200;

/** Rolls every sealed repair of the job forward. Call under the lock, before anything is compared. */
export async function rollForwardRepairs(context: RepairContext): Promise<void> {
  for (const digest of context.ledger.repairs.sealed(context.jobId))
    await rollForward(context, SealedRepairSchema.parse(context.ledger.repairs.find(digest)?.body));
}

/** @throws HoldfastError `storage-unreachable`, and what else may pass; `ledger-damaged` */
export async function rollForward(context: RepairContext, sealed: SealedRepair): Promise<RepairResult> {
  const { ledger, jobId, workspace, settings } = context;
  const asked = ledger.question(sealed.digest);
  if (asked === undefined)
    throw new HoldfastError('ledger-damaged', 'A sealed repair names a question that the ledger does not have.', {
      question: sealed.digest,
    });
  const { undoesRewind } = sealed;
  const reinstating = undoesRewind === undefined ? undefined : await planReinstate(ledger, jobId, undoesRewind);
  const repair = await carryOut(context, asked.question, sealed, reinstating);
  const job = ledger.job(jobId);
  const raised =
    job !== undefined && raisesTerm(repair)
      ? await raiseTerm(workspace, { jobId, settings, term: job.term, failing: 'The decision cannot be completed' })
      : undefined;
  await faultPointAsync('repair.term-raised');
  faultPoint('repair.record-before');
  const result = ledger.transaction(() => finish(repair, job, raised, reinstating));
  faultPoint('repair.record-after');
  return result;
}

/** What was decided can't be completed now, and the job ends all the same; the record says both. */
export function abortInstead(context: RepairContext, begun: SealedRepair, decision: Decision): RepairResult {
  const { ledger, jobId } = context;
  const { question } = ledger.question(begun.digest)!;
  const answers = Object.fromEntries(question.findings.map(({ resource }) => [resource, 'abort' as const]));
  const sealed: SealedRepair = { ...begun, decision, answers, reruns: [], adopts: [] };
  const repair = new RunningRepair(context, question, sealed);
  const { by, answer } = begun.decision;
  repair.note(`the decision of ${by} (${answer ?? 'for each finding'}) was begun and is not carried to its end`);
  return ledger.transaction(() => finish(repair, ledger.job(jobId), undefined));
}

function raisesTerm({ question, sealed }: RunningRepair): boolean {
  if (question.kind === 'foreign' || question.kind === 'undo') return false;
  // A stuck step that has no record yet is only run again: nothing of the world is changed.
  const isOwnRerun = question.kind === 'stuck' && sealed.reruns.every(({ stepId }) => stepId === question.stepId);
  return !isOwnRerun && Object.values(sealed.answers).some((answer) => RAISES_TERM.includes(answer));
}

/** Records what has come of the repair and closes its question. In a transaction. */
function finish(
  repair: RunningRepair,
  job: JobRow | undefined,
  raised: number | undefined,
  reinstating?: ReinstatePlan,
): RepairResult {
  const { sealed, notes } = repair;
  const { ledger, jobId, caller } = repair.context;
  let at =
    job === undefined ? { seq: 0, head: GENESIS } : ledger.append(jobId, caller.runId, decisionFields(repair)).at;
  const decided = at.seq;
  const reinstated = reinstating === undefined ? [] : reinstatedRecords(repair, reinstating);
  for (const fields of reinstated) at = ledger.append(jobId, caller.runId, fields).at;
  if (raised !== undefined) ledger.raiseTerm(jobId, raised);
  ledger.closeQuestion(sealed.digest);
  // From here on nothing of the job is applied, whoever requests it: claims hold for an open job only.
  if (job?.state === 'open' && Object.values(sealed.answers).includes('abort')) ledger.setJobState(jobId, 'aborted');
  const result: RepairResult = {
    kind: 'repaired',
    question: sealed.digest,
    term: raised ?? job?.term ?? 0,
    at,
    answers: [...new Set(Object.values(sealed.answers))],
    reruns: sealed.reruns,
    ...defined({ decided: at.seq === decided ? undefined : decided }),
    ...defined({ someStays: isUnasked(sealed) && !repair.isAllChanged ? (true as const) : undefined }),
    ...defined({ rewoundTo: sealed.rewoundTo, reinstated: reinstating && namesOf(reinstating) }),
    ...defined({ putIns: sealed.edits === undefined ? reinstating?.putIns : asPutIns(sealed.edits) }),
    notes: notes.slice(0, MAX_NOTES_IN_RESULT).map((note) => note.slice(0, MAX_NOTE_CHARACTERS).toWellFormed()),
  };
  ledger.repairs.finish(sealed.digest, { ...sealed, result });
  return result;
}

/** After any other decision the world is compared anyway. */
function isUnasked({ rewoundTo, edits }: SealedRepair): boolean {
  return rewoundTo !== undefined || edits !== undefined;
}

/** Sub-steps go with the step around them. */
function namesOf({ reinstated }: ReinstatePlan): string[] {
  const requested = reinstated.map(({ stepId }) => stepId).filter((stepId) => requestedStepOf(stepId) === stepId);
  return requested.slice(0, MAX_REINSTATED_IN_RESULT);
}
