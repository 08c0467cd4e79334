/** A call of which nobody knows whether it happened, or that happened and is not what the step requests now. */
import type { Answer } from '../../model/question/answer.ts';
import type { Finding } from '../../model/question/finding.ts';
import { basisDigest, performDigest, type PerformBasis, type PerformRow } from '../../store/ledger/perform-row.ts';
import { tryText } from '../../model/record/try-text.ts';
import { finding } from './finding.ts';
import { resourceOfCall } from './kept-calls.ts';

const MAX_SHOWN_CHARACTERS = 300;

export type DoubtKind = 'outcome-unknown' | 'performed-otherwise' | 'performed-and-not-asked-for';

/** What a step requests of a call: the digests that its answer is based on, and the request's text for people. */
export type CallRequest = PerformBasis & { readonly text: string };

export interface Doubt {
  readonly row: PerformRow;
  /** What the step requests now; null: it doesn't request the call any more. */
  readonly wanted: CallRequest | null;
  readonly kind: DoubtKind;
  readonly why: string;
  /** For a person who answers `happened`: what the call's answer looks like. */
  readonly told?: string;
  /** It goes on; `isSeen`: and can be ended from here. */
  readonly underway?: { readonly text: string; readonly isSeen: boolean };
}

export function doubtFinding(doubt: Doubt): Finding {
  const { row, wanted, kind, told } = doubt;
  const hint = told === undefined || kind !== 'outcome-unknown' || doubt.underway !== undefined ? '' : ` ${told}`;
  // The sides identify the question, so that the wording of `expected` stays where it has no digest.
  return finding({
    resource: resourceOfCall(row),
    class: 'in-doubt',
    kind,
    expected:
      wanted === null
        ? { digest: null, text: `${row.name} is not asked for any more` }
        : { digest: basisDigest(wanted), text: `${row.name}, made once: ${short(wanted.text)}` },
    found: { digest: performDigest(row), text: foundText(doubt) },
    difference: differenceText(doubt),
    impossible: impossibleAnswers(doubt),
    advice: `${adviceOf(doubt)}${hint}`,
  });
}

/** What runs has not happened yet. */
function impossibleAnswers({ kind, underway }: Doubt): readonly Answer[] {
  if (kind === 'performed-and-not-asked-for') return ['repeat'];
  return underway?.isSeen === true ? ['happened'] : [];
}

function adviceOf({ kind, underway }: Doubt): string {
  if (underway === undefined) return ADVICE[kind];
  return underway.isSeen
    ? 'Wait until it has ended, then decide recheck. repeat: it is ended first, then begun again.'
    : 'Look there whether it has ended, and end it if not. happened: only once it has. repeat: waits for its worker.';
}

function foundText(doubt: Doubt): string {
  const { row, kind, underway } = doubt;
  const by = row.calledIn === row.generation ? '' : ` by the step's ${tryText(row.calledIn) || 'first try'}`;
  // With the record that knew it the moment is lost, too.
  const called = row.at === '' ? by : `${by} at ${row.at}`;
  if (underway !== undefined) return `begun${called}; it ${underway.text}`;
  if (kind === 'outcome-unknown') return `begun${called}; whether it happened is not known`;
  const request = requestsTheSame(doubt) ? '' : `: ${short(row.request.text)}`;
  return `made${called}${request}; it answered ${short(answerOf(row))}`;
}

function differenceText(doubt: Doubt): string {
  const { row, wanted, kind, why } = doubt;
  const isUnknown = kind === 'outcome-unknown';
  const lines = [
    `why: ${why}`,
    `idempotency key: ${row.key}`,
    isUnknown ? 'what was about to be sent:' : 'what was sent:',
    pretty(row.request.text),
  ];
  if (wanted !== null && !requestsTheSame(doubt)) lines.push('what the step requests now:', pretty(wanted.text));
  if (!isUnknown) lines.push('what it answered:', pretty(answerOf(row)));
  return lines.join('\n');
}

const ADVICE: Readonly<Record<DoubtKind, string>> = {
  'outcome-unknown':
    'Find out where it takes effect whether it happened, by the idempotency key or by what was sent. It did: ' +
    'happened, with its answer as result (null if it has none). It did not: repeat, which makes it again under the ' +
    'same key.',
  'performed-otherwise':
    'happened: the step goes on with the recorded answer, although it requests something else now. ' +
    'repeat: the call is made anew, as requested now and under a new key.',
  'performed-and-not-asked-for': 'happened: it stays in the record, and the step ends without it.',
};

function requestsTheSame({ row, wanted }: Doubt): boolean {
  return wanted === null || wanted.request === row.request.digest;
}

function answerOf({ answer }: PerformRow): string {
  return answer ?? 'null';
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function short(text: string): string {
  return text.length <= MAX_SHOWN_CHARACTERS ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}
