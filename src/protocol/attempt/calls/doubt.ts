/**
 * Calls that are in doubt, and what a person is asked about them. What an answer makes of them: repair/settle-calls.ts.
 *
 * Invariants
 * 1. A question names the call as the ledger has it and as the step wants it now.
 * 2. What was called and is not in the record is asked about before its step is recorded without it.
 */
import type { Finding } from '../../../model/question/finding.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import { basisDigest, performDigest, type PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Claim } from '../claim.ts';
import { resourceOfCall } from '../../question/kept-calls.ts';
import { finding } from '../../question/finding.ts';
import type { Doubt, DoubtKind } from '../doubt.ts';

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
