/** May a decision be carried out? For an open question, and only while the world shows what the question showed. */
import { canonicalJson } from '../../model/canonical-json.ts';
import type { Digest } from '../../model/digest.ts';
import type { RepairResult } from '../../model/job/repair.ts';
import { ruleOn } from '../../model/question/ruling.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { withdraw, withWhatStays } from '../question/ask.ts';
import { type Decision } from '../../model/question/decision.ts';
import type { Question } from '../../model/question/question.ts';
import { dropDraftOf } from './approved-draft.ts';
import { lookAgain } from './look-again.ts';
import type { Answers } from '../../model/question/answer.ts';
import type { RepairContext } from './running/context.ts';
import { rehearse } from './rehearse.ts';
import { abortInstead, rollForward } from './roll-forward.ts';
import { sealRepair } from './seal.ts';
import { withoutRecord } from './without-record.ts';
import { SealedRepairSchema } from './running/sealed-repair.ts';

const MAX_RESOURCES_IN_RESULT = 20;
const MAX_PROBLEMS_IN_RESULT = 50;
const MAX_PROBLEM_CHARACTERS = 2_000;
const ANSWERED_ALREADY = 'another decision has answered this question already';

/** Carries the decision out, or says why not. Call under the lock. */
export async function decide(context: RepairContext, decision: Decision): Promise<RepairResult> {
  const { ledger, jobId } = context;
  const earlier = ledger.repairs.find(decision.digest);
  if (earlier !== undefined) return await goOn(context, decision, earlier.body);
  const asked = ledger.question(decision.digest);
  if (asked === undefined) return withoutRecord(decision, 'the ledger does not have the question', ledger.job(jobId));
  // Another job's, or withdrawn since: whatever is to be asked now is asked anew.
  if (asked.question.jobId !== jobId || asked.state !== 'open') return worldMoved(decision.digest, ['ledger:']);
  // What nothing undoes is looked up anew: the step may have applied it since.
  const findings = withWhatStays(ledger, jobId, asked.question.findings);
  const question = { ...asked.question, findings };
  const ruling = ruleOn(question, decision);
  if (!ruling.usable) return refused(decision.digest, ruling.problems);
  if (Object.values(ruling.answers).every((answer) => answer === 'recheck'))
    return recheck(context, question, decision, ruling.answers);
  const now = await lookAgain(context, question, ruling.answers);
  if (now.moved.length === 0 && now.notRead.length > 0) return refused(decision.digest, now.notRead);
  if (now.moved.length > 0) {
    const moved = now.moved.join(', ').slice(0, 300);
    withdrawAsked(context, question, `the world moved before the decision of ${decision.by}: ${moved}`);
    dropDraftOf(context, question);
    return worldMoved(decision.digest, now.moved);
  }
  const draft = { question, decision, ruling, found: now.found };
  const problems = await rehearse(context, draft);
  if (problems.length > 0) return refused(decision.digest, problems);
  return await rollForward(context, sealRepair(context, draft));
}

/** The question has been answered already: by this decision, or by another. */
async function goOn(context: RepairContext, decision: Decision, body: unknown): Promise<RepairResult> {
  const sealed = SealedRepairSchema.parse(body);
  if (canonicalJson(sealed.decision) === canonicalJson(decision))
    return sealed.result ?? (await rollForward(context, sealed));
  // Perhaps in a Run that this one has forgotten: whatever is to be asked now is asked anew.
  if (sealed.result !== undefined) return { ...refused(decision.digest, [ANSWERED_ALREADY]), isSettled: true };
  if (decision.answer === 'abort' && decision.items === undefined) return abortInstead(context, sealed, decision);
  const { by } = sealed.decision;
  return refused(decision.digest, [`the decision of ${by} is being carried out: send that one again, or abort`]);
}

export function refused(question: Digest, problems: readonly string[]): Extract<RepairResult, { kind: 'refused' }> {
  return { kind: 'refused', question, problems: boundedProblems(problems) };
}

function boundedProblems(problems: readonly string[]): string[] {
  const more = problems.length - MAX_PROBLEMS_IN_RESULT;
  const shown = problems.slice(0, MAX_PROBLEMS_IN_RESULT).map((one) => one.slice(0, MAX_PROBLEM_CHARACTERS));
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

export function worldMoved(question: Digest, resources: readonly string[]): RepairResult {
  return { kind: 'world-moved', question, resources: resources.slice(0, MAX_RESOURCES_IN_RESULT) };
}

function withdrawAsked({ ledger, caller }: RepairContext, question: Question, reason: string): void {
  ledger.transaction(() => withdraw(ledger, question, caller.runId, reason));
}

function recheck(context: RepairContext, question: Question, decision: Decision, answers: Answers): RepairResult {
  withdrawAsked(context, question, `recheck asked by ${decision.by}: ${decision.reason}`);
  const job = context.ledger.job(context.jobId);
  return {
    kind: 'repaired',
    question: decision.digest,
    term: job?.term ?? 0,
    at: job?.at ?? { seq: 0, head: GENESIS },
    answers: [...new Set(Object.values(answers))],
    reruns: [],
    notes: ['the world is compared again'],
  };
}
