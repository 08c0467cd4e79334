/**
 * Calls that are in doubt: what a person is asked about them, and what an answer makes of them.
 *
 * Invariants
 * 1. A question names the call as the ledger has it and as the step wants it now; an answer holds for exactly that.
 * 2. What was called and is not in the record is asked about before its step is recorded without it.
 */
import type { Answer } from '../../../model/question/answer.ts';
import { canonicalJson } from '../../../model/canonical-json.ts';
import { sha256Hex } from '../../../model/digest.ts';
import type { Decision } from '../../../model/question/decision.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { PerformEffect } from '../../../model/record/intent.ts';
import { needsResult, type Finding, type Question } from '../../../model/question/question.ts';
import { parseResource } from '../../../model/record/resource.ts';
import { performKeyOf, tokenOf, undoTokenOf } from '../../../model/record/token.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import { basisDigest, performDigest, type PerformBasis, type PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Claim } from '../claim.ts';
import { isKept, resourceOfCall } from './kept-calls.ts';
import { finding } from '../../question/questions.ts';
import type { SealedRepair } from '../../repair/sealed-repair.ts';
import type { Stage } from '../stage.ts';

export type DoubtKind = 'outcome-unknown' | 'performed-otherwise' | 'performed-and-not-asked-for';

export interface Doubt {
  readonly row: PerformRow;
  /** What the step asks for now; null: it doesn't ask for the call any more. */
  readonly wanted: (PerformBasis & { readonly text: string }) | null;
  readonly kind: DoubtKind;
  readonly why: string;
  /** For a person who answers `happened`: what the call's answer looks like. */
  readonly told?: string;
}

/** Ends an attempt: a person is asked about these calls. */
export class InDoubt extends Error {
  override readonly name = 'InDoubt';
  readonly doubts: readonly Doubt[];
  constructor(doubts: readonly Doubt[]) {
    super(doubts.map(({ row, why }) => `${row.name}: ${why}`).join('; '));
    this.doubts = doubts;
  }
}

/** What the step's code sees of it. */
export function inDoubtError(stepId: string, names: readonly string[]): HoldfastError {
  return new HoldfastError(
    'in-doubt',
    `Whether ${names.join(', ')} of step ${stepId} happened is not known, or not as it is asked for now; a person is asked, and the step goes on when the question is answered.`,
    { stepId, names },
  );
}

// ---- asking ----------------------------------------------------------------------------------------------------------

/** Notes in the ledger what is wanted now and returns the findings. Inside a transaction, by the current claim. */
export function noteDoubts(ledger: Ledger, claim: Claim, doubts: readonly Doubt[]): Finding[] {
  const { token, generation } = claim.row;
  return doubts
    .toSorted((a, b) => (a.row.name < b.row.name ? -1 : 1))
    .map((doubt) => {
      // An earlier generation's call is this one's matter now.
      const row: PerformRow = { ...doubt.row, token, generation, wanted: doubt.wanted };
      ledger.putPerform(row);
      return doubtFinding({ ...doubt, row });
    });
}

function doubtFinding({ row, wanted, kind, why, told }: Doubt): Finding {
  const isSame = wanted === null || wanted.request === row.request.digest;
  const called = `${row.calledIn === row.generation ? '' : ` by generation ${row.calledIn}`} at ${row.at}`;
  return finding({
    resource: resourceOfCall(row),
    class: 'in-doubt',
    kind,
    expected: {
      digest: wanted === null ? null : basisDigest(wanted),
      text: wanted === null ? `${row.name} is not asked for any more` : `${row.name}, made once: ${short(wanted.text)}`,
    },
    found: {
      digest: performDigest(row),
      text:
        kind === 'outcome-unknown'
          ? `begun${called}; whether it happened is not known`
          : `made${called}${isSame ? '' : `: ${short(row.request.text)}`}; it answered ${short(row.answer ?? 'null')}`,
    },
    difference: [
      `why: ${why}`,
      `idempotency key: ${row.key}`,
      ...(isSame
        ? [kind === 'outcome-unknown' ? 'what was about to be sent:' : 'what was sent:', pretty(row.request.text)]
        : [
            `what was ${kind === 'outcome-unknown' ? 'about to be ' : ''}sent:`,
            pretty(row.request.text),
            'what the step asks for now:',
            pretty(wanted!.text),
          ]),
      ...(kind === 'outcome-unknown' ? [] : ['what it answered:', pretty(row.answer ?? 'null')]),
    ].join('\n'),
    impossible: kind === 'performed-and-not-asked-for' ? ['repeat'] : [],
    advice: `${ADVICE[kind]}${told === undefined || kind !== 'outcome-unknown' ? '' : ` ${told}`}`,
  });
}

const ADVICE: Readonly<Record<DoubtKind, string>> = {
  'outcome-unknown':
    'Find out on the other side whether it happened, by the idempotency key or by what was sent. happened: give its answer as result (null if it has none). repeat: it is made again under the same key.',
  'performed-otherwise':
    'happened: the step goes on with the recorded answer, although it asks for something else now. repeat: the call is made anew, as asked for now and under a new key.',
  'performed-and-not-asked-for': 'happened: it stays in the record, and the step ends without it.',
};

/** Calls of earlier attempts that are not in a record and that the code, which has ended, did not ask for. */
export function unaskedDoubts(ledger: Ledger, claim: Claim, stage: Stage): Doubt[] {
  return unasked(ledger, claim, stage).flatMap((row): Doubt[] => {
    // The code went on after a repeat that certainly did not happen; what it was to repeat may have.
    const isLeft = row.state === 'repeat' && row.nonce !== '' && stage.onceNames.has(row.name);
    if (row.state === 'about' || isLeft)
      return [
        {
          row,
          wanted: null,
          kind: 'outcome-unknown',
          why: 'it was begun, whether it happened is not known, and the step ends without its answer',
        },
      ];
    return row.state === 'done'
      ? [
          {
            row,
            wanted: null,
            kind: 'performed-and-not-asked-for',
            why: 'an earlier attempt made it, and the step does not ask for it any more',
          },
        ]
      : [];
  });
}

/** Calls of this generation that are begun and not over, where a step can't go on for another reason. */
export function begunDoubts(
  ledger: Ledger,
  { row: { jobId, stepId, generation, token } }: Claim,
  why: string,
): Doubt[] {
  return ledger
    .performsInForce(jobId, stepId, generation)
    .filter((row) => row.token === token && row.state === 'about' && row.inDoubt !== 'safe')
    .map((row) => ({
      row,
      wanted: row.answers === null ? null : { ...row.answers, text: row.request.text },
      kind: 'outcome-unknown',
      why,
    }));
}

function unasked(ledger: Ledger, claim: Claim, stage: Stage): PerformRow[] {
  const { jobId, stepId, generation, token } = claim.row;
  return ledger
    .performsInForce(jobId, stepId, generation)
    .filter(
      (row) =>
        row.inDoubt !== 'safe' &&
        !stage.performed.has(row.name) &&
        (row.token === token || ledger.stepRecord(row.token) === undefined),
    );
}

/** What the record names: the calls that the code has the answers of, and those that a person said stay. By name. */
export function performEffects(ledger: Ledger, claim: Claim, stage: Stage): PerformEffect[] {
  const kept = unasked(ledger, claim, stage).filter(({ state }) => state === 'kept');
  return [...stage.performed.values(), ...kept]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, key, request, answer, known, calledIn }) => ({
      kind: 'perform',
      name,
      key,
      request: { ...request },
      answer: sha256Hex(answer ?? 'null'),
      known: known ?? 'called',
      generation: calledIn,
    }));
}

// ---- answering -------------------------------------------------------------------------------------------------------

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

// ---- telling ---------------------------------------------------------------------------------------------------------

/** What a job that ends leaves open: calls in doubt, and calls that no record names. */
export function openCallNotes(ledger: Ledger, jobId: string): string[] {
  return ledger.performsInForce(jobId).flatMap((row) => {
    if (row.inDoubt === 'safe') return [];
    const what = `step ${row.stepId}: \`${row.name}\``;
    if (row.state === 'repeat' && row.nonce === '') return [`${what} was to be made anew, and was not`];
    if (row.state === 'about' || row.state === 'repeat')
      return [`${what} was begun; whether it happened is not known (idempotency key ${row.key}, ${row.at})`];
    if (
      row.state === 'withdrawn' ||
      ledger.stepRecord(row.token) !== undefined ||
      ledger.undoneRecord(row.token) !== undefined ||
      ledger.undoneRecord(undoTokenOf(row.token)) !== undefined
    )
      return [];
    return [`${what} happened, and its step was not finished`];
  });
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

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function short(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`;
}
