/**
 * What a job's own ledger gives to ask about: it is damaged, missing, or older than the Workflow; or it holds a
 * decision that can't be carried out.
 */
import type { Digest } from '../../model/digest.ts';
import type { HoldfastError } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Finding } from '../../model/question/finding.ts';
import { clipped, finding, textSide, withoutAnswer } from './finding.ts';

export const LEDGER = 'ledger:';

/** The whole folder: SQLite's log beside the ledger belongs to the ledger that it was written for. */
/** Whether it can be made anew is another matter (rebuild.ts). */
const NOT_YET = ['rebuild'] as const;

const PUT_BACK =
  'mv .holdfast .holdfast.bad, then cp -a the whole .holdfast folder of the copy there; the worker may stay up.';

export function damagedLedgerFinding(problems: readonly string[]): Finding {
  return finding({
    impossible: NOT_YET,
    resource: LEDGER,
    class: 'damaged',
    kind: 'ledger-damaged',
    expected: textSide('an unbroken chain of records'),
    found: textSide(clipped(problems.join('; '))),
    advice: `Put a sound copy back: ${PUT_BACK} Then answer recheck. Without one the job cannot go on: then abort.`,
  });
}

/** The Workflow has records, and the workspace has no ledger of its job. */
export function missingLedgerFinding(
  root: string,
  { known, jobId }: { readonly known: ChainPlace; readonly jobId: string },
): Finding {
  return finding({
    impossible: NOT_YET,
    resource: LEDGER,
    class: 'damaged',
    kind: 'ledger-missing',
    expected: { digest: known.head, text: `the ledger of job ${jobId} with ${known.seq} records` },
    found: textSide(`none in ${root}`),
    advice:
      `Put the workspace's own .holdfast folder back at ${root}/.holdfast (an old disk, another host, a backup); ` +
      'the worker may stay up, and has made nothing in its place. Then answer recheck. Files and rows are as they ' +
      'were; without that folder the job cannot go on: then abort, and start a new one.',
  });
}

/** head: the ledger's at the place that the Workflow knows; undefined: the ledger ends before it. */
export function ledgerBehindFinding(
  known: ChainPlace,
  { lastSeq, head }: { readonly lastSeq: number; readonly head: Digest | undefined },
): Finding {
  const otherwise = head === undefined ? '' : `, and its record ${known.seq} is another`;
  return finding({
    impossible: NOT_YET,
    resource: LEDGER,
    class: 'damaged',
    kind: 'ledger-behind',
    expected: { digest: known.head, text: `record ${known.seq}, which the Workflow has` },
    found: { digest: head ?? null, text: `the ledger ends at record ${lastSeq}${otherwise}` },
    advice:
      'The ledger is not the one that the job went on with (an old disk, another host, a restored snapshot). ' +
      `Put the newer one back: ${PUT_BACK} Then answer recheck.`,
  });
}

/** A decision is sealed, and what it needs won't pass by itself: nothing may be compared before it is carried out. */
export function notCarriedOutFinding({ message, nextStep }: Pick<HoldfastError, 'message' | 'nextStep'>): Finding {
  return finding({
    resource: LEDGER,
    class: 'unverifiable',
    kind: 'decision-not-carried-out',
    expected: textSide('a decision that was taken is carried out'),
    found: textSide(clipped(message)),
    advice: `${withoutAnswer(nextStep)} Then answer recheck: the decision is carried out first.`,
  });
}
