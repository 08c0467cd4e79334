/**
 * A decision about a question that no ledger has: it could not be stored, because the ledger was damaged or not there.
 * The Workflow has checked that it is open.
 *
 * Invariant: only what changes nothing of a record holds: looking again, ending the job, and which checkpoint a record
 * is made of.
 */
import type { RepairResult } from '../../model/job/repair.ts';
import { answered } from '../../model/question/answer.ts';
import type { Decision } from '../../model/question/decision.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

const MAX_WHY_CHARACTERS = 500;
const NOTED = {
  older: 'the job goes on from the older checkpoint that the question names',
  anew: 'another job begins from nothing',
} as const;
const NO_PLACE = { term: 0, at: { seq: 0, head: GENESIS } } as const;

/** why: for people. job: where a ledger has it by now. */
export function withoutRecord(
  { digest, answer, items = {} }: Decision,
  why: string,
  job?: ReturnType<Ledger['job']>,
): RepairResult {
  const { term, at } = job ?? NO_PLACE;
  const held = { kind: 'repaired' as const, question: digest, term, at, reruns: [] };
  if (answer === 'abort') return { ...held, answers: ['abort'], notes: [why.slice(0, MAX_WHY_CHARACTERS)] };
  const isRecheck = answered(items, 'recheck').length === Object.keys(items).length;
  if (isRecheck && (answer === undefined || answer === 'recheck'))
    return { ...held, answers: ['recheck'], notes: ['the world is compared again'] };
  // What they do is done by the comparison that follows, where the store still has what the question showed.
  if (answer === 'older' || answer === 'anew') return { ...held, answers: [answer], notes: [NOTED[answer]] };
  return { kind: 'world-moved', question: digest, resources: ['ledger:'] };
}
