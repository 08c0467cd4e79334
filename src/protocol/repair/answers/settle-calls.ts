/**
 * What an answer makes of a call that is in doubt.
 *
 * Invariant: an answer holds for exactly the call that the question showed, as the ledger had it and as the step wanted
 * it. One that is carried out finds the call otherwise than shown, so that carrying it out may be repeated.
 */
import { canonicalJson } from '../../../model/canonical-json.ts';
import type { Decision } from '../../../model/question/decision.ts';
import { needsResult, type Finding } from '../../../model/question/finding.ts';
import { performKeyOf } from '../../../model/record/token.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import { callOf, isCallAsShown } from './call-shown.ts';
import type { RunningRepair } from '../running/running-repair.ts';

const MAX_NOTE_CHARACTERS = 1_000;

/** Returns the note. Safe to repeat. */
export function settleCall(repair: RunningRepair, shown: Finding, answer: 'happened' | 'repeat'): string {
  const { results, decision } = repair.sealed;
  const note = noteOf(answer, decision);
  const isSettled = changeCall(repair, shown, note, (row) => {
    const { wanted } = row;
    const answers = wanted === null ? row.answers : { request: wanted.request, reads: wanted.reads };
    const settled = { ...row, answers, wanted: null, note };
    if (answer === 'repeat') return repeated(settled, shown);
    const state = wanted === null ? 'kept' : 'done';
    return happened({ ...settled, state }, shown, results?.[shown.resource]);
  });
  return `${shown.resource}: ${isSettled ? outcomeOf(answer, shown) : NOT_AS_SHOWN}`;
}

/** While a job is undone, a person says that a call was not made. Returns the note. Safe to repeat. */
export function countAsNotMade(repair: RunningRepair, shown: Finding): string {
  const { by, reason } = repair.sealed.decision;
  const note = `not made, as ${by} says: ${reason}`.slice(0, MAX_NOTE_CHARACTERS);
  const isSettled = changeCall(repair, shown, note, (row) => ({ ...row, state: 'withdrawn', wanted: null, note }));
  return `${shown.resource}: ${isSettled ? 'it counts as not made' : NOT_AS_SHOWN}`;
}

/** What the ledger's row of a call says of the decision that settled it. */
export function noteOf(answer: 'happened' | 'repeat', { by, reason }: Pick<Decision, 'by' | 'reason'>): string {
  return `${answer}: ${by}: ${reason}`.slice(0, MAX_NOTE_CHARACTERS);
}

const NOT_AS_SHOWN = 'it is not any more as it was shown, and stays as it is';

/** True: the call is changed, by now or by an earlier attempt of this repair. */
function changeCall(
  { context: { ledger }, question }: RunningRepair,
  shown: Finding,
  note: string,
  change: (row: PerformRow) => PerformRow,
): boolean {
  const row = callOf(ledger, question, shown.resource);
  if (row !== undefined && isCallAsShown(ledger, question, shown))
    ledger.transaction(() => ledger.putPerform(change(row)));
  return callOf(ledger, question, shown.resource)?.note === note;
}

function outcomeOf(answer: 'happened' | 'repeat', shown: Finding): string {
  if (answer === 'happened')
    return needsResult(shown) ? 'it happened; the step goes on with the answer given' : 'the recorded answer stays';
  return shown.kind === 'outcome-unknown' ? 'it is made again, under the same key' : 'it is made anew, under a new key';
}

function happened(settled: PerformRow, shown: Finding, result: unknown): PerformRow {
  return needsResult(shown) ? { ...settled, answer: canonicalJson(result), known: 'told' } : settled;
}

/** A call that certainly happened is made under another key: for its own the other side would repeat its old answer. */
function repeated(settled: PerformRow, { kind }: Finding): PerformRow {
  if (kind === 'outcome-unknown') return { ...settled, state: 'repeat' };
  const { token, name } = settled;
  const round = settled.round + 1;
  const key = performKeyOf({ token, name, round });
  return { ...settled, state: 'repeat', answer: null, known: null, nonce: '', round, key };
}
