/**
 * What an answer makes of a call that is in doubt, or that a step which runs again is to make anew.
 *
 * Invariant: an answer holds for exactly the call that the question showed, as the ledger had it and as the step wanted it.
 */
import { canonicalJson } from '../../model/canonical-json.ts';
import type { Answer } from '../../model/question/answer.ts';
import type { Decision } from '../../model/question/decision.ts';
import { needsResult, type Finding } from '../../model/question/finding.ts';
import type { Question } from '../../model/question/question.ts';
import { parseResource } from '../../model/record/resource.ts';
import { performKeyOf, tokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { basisDigest, performDigest, type PerformRow } from '../../store/ledger/perform-row.ts';
import { isKept, resourceOfCall } from '../question/kept-calls.ts';
import type { SealedRepair } from './sealed-repair.ts';

/** The call that a finding is about, as the ledger has it now. */
export function callOf(
  ledger: Ledger,
  question: Pick<Question, 'token' | 'jobId' | 'kind'>,
  resource: string,
): PerformRow | undefined {
  const parsed = parseResource(resource);
  // An undoing asks about calls of the step, under its own token.
  if (parsed.kind === 'perform' && question.kind === 'undo')
    return ledger.performInForce(question.jobId, parsed.stepId, parsed.name, Number.MAX_SAFE_INTEGER);
  return parsed.kind !== 'perform' || question.token === undefined
    ? undefined
    : ledger.perform(question.token, parsed.name);
}

/** Is it still what the question showed? */
export function isCallAsShown(
  ledger: Ledger,
  question: Pick<Question, 'token' | 'jobId' | 'kind'>,
  shown: Finding,
): boolean {
  const row = callOf(ledger, question, shown.resource);
  if (row !== undefined && shown.class === 'undo') return performDigest(row) === shown.found.digest;
  return (
    row !== undefined &&
    performDigest(row) === shown.found.digest &&
    (row.wanted === null ? null : basisDigest(row.wanted)) === shown.expected.digest
  );
}

/** Carries an answer out. Safe to repeat: one that is carried out finds the call otherwise than shown. Returns the note. */
export function settleCall(
  ledger: Ledger,
  question: Question,
  shown: Finding,
  answer: Extract<Answer, 'happened' | 'repeat'>,
  { results, decision }: SealedRepair,
): string {
  const row = callOf(ledger, question, shown.resource);
  const note = `${answer}: ${decision.by}: ${decision.reason}`.slice(0, 1_000);
  if (row !== undefined && isCallAsShown(ledger, question, shown)) {
    const answers = row.wanted === null ? row.answers : { request: row.wanted.request, reads: row.wanted.reads };
    const common = { ...row, answers, wanted: null, note };
    ledger.transaction(() =>
      ledger.putPerform(
        answer === 'happened' ? happened(common, row, shown, results?.[shown.resource]) : repeated(common, shown),
      ),
    );
  }
  if (callOf(ledger, question, shown.resource)?.note !== note)
    return `${shown.resource}: it is not any more as it was shown, and stays as it is`;
  if (answer === 'repeat')
    return `${shown.resource}: it is made${shown.kind === 'outcome-unknown' ? ' again, under the same key' : ' anew, under a new key'}`;
  return needsResult(shown)
    ? `${shown.resource}: it happened; the step goes on with the answer given`
    : `${shown.resource}: the recorded answer stays`;
}

/** While a job is undone, a person says that a call was not made. Safe to repeat. Returns the note. */
export function countAsNotMade(ledger: Ledger, question: Question, shown: Finding, { decision }: SealedRepair): string {
  const row = callOf(ledger, question, shown.resource);
  const note = `not made, as ${decision.by} says: ${decision.reason}`.slice(0, 1_000);
  if (row !== undefined && isCallAsShown(ledger, question, shown))
    ledger.transaction(() => ledger.putPerform({ ...row, state: 'withdrawn', wanted: null, note }));
  return callOf(ledger, question, shown.resource)?.note === note
    ? `${shown.resource}: it counts as not made`
    : `${shown.resource}: it is not any more as it was shown, and stays as it is`;
}

function happened(common: PerformRow, { wanted }: PerformRow, shown: Finding, result: unknown): PerformRow {
  return {
    ...common,
    state: wanted === null ? 'kept' : 'done',
    ...(needsResult(shown) ? { answer: canonicalJson(result), known: 'told' as const } : {}),
  };
}

/** What had certainly happened is made anew, under another key: under its own the other side would answer what it did before. */
function repeated(common: PerformRow, { kind }: Finding): PerformRow {
  if (kind === 'outcome-unknown') return { ...common, state: 'repeat' };
  const round = common.round + 1;
  return {
    ...common,
    state: 'repeat',
    answer: null,
    known: null,
    nonce: '',
    round,
    key: performKeyOf({ token: common.token, name: common.name, round }),
  };
}

/** A decision that makes a step run again names calls of it: they are made anew. In the transaction that seals it. */
export function openCalls(
  ledger: Ledger,
  jobId: string,
  again: readonly string[],
  reruns: readonly { readonly stepId: string; readonly generation: number }[],
  { by, reason }: Pick<Decision, 'by' | 'reason'>,
): void {
  for (const resource of again) {
    const parsed = parseResource(resource);
    const rerun = parsed.kind === 'perform' ? reruns.find(({ stepId }) => stepId === parsed.stepId) : undefined;
    if (parsed.kind !== 'perform' || rerun === undefined) continue;
    const row = ledger.performInForce(jobId, parsed.stepId, parsed.name, rerun.generation);
    if (row === undefined) continue;
    const token = tokenOf({ jobId, ...rerun });
    const mayHaveHappened = row.state === 'about' || row.state === 'repeat';
    ledger.putPerform({
      ...row,
      token,
      generation: rerun.generation,
      state: 'repeat',
      answers: null,
      answer: null,
      known: null,
      wanted: null,
      note: `repeat: ${by}: ${reason}`.slice(0, 1_000),
      ...(mayHaveHappened ? {} : { nonce: '', round: 0, key: performKeyOf({ token, name: row.name, round: 0 }) }),
    });
  }
}

/** For a decision's record: what steps that run again keep. */
export function keptCallNotes(
  ledger: Ledger,
  jobId: string,
  reruns: readonly { readonly stepId: string; readonly generation: number }[],
  again: readonly string[],
): string[] {
  return reruns.flatMap(({ stepId, generation }) =>
    ledger
      .performsInForce(jobId, stepId, generation)
      .filter(isKept)
      .map((row) => {
        const resource = resourceOfCall(row);
        if (again.includes(resource)) return `${resource}: it is made again, as decided`;
        return `${resource}: ${row.state === 'done' || row.state === 'kept' ? 'it cannot be undone; its recorded answer is kept' : 'whether it happened is not known; the step asks when it comes to it'}`;
      }),
  );
}
