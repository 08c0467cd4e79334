/** What a database has of a job that the ledger contradicts: one of the two is an older copy. */
import type { Digest } from '../../model/digest.ts';
import type { Finding } from '../../model/question/finding.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, stateDigest } from '../../model/record/world.ts';
import { finding, textSide } from './finding.ts';

/** A token row of the job that the ledger does not know. */
export function unknownTokenFinding(database: string, token: Digest): Finding {
  return finding({
    resource: formatResource({ kind: 'token', database, token }),
    class: 'damaged',
    kind: 'token-unknown',
    expected: textSide('no such effect'),
    found: { digest: token, text: 'an effect of this job that the ledger does not know' },
    advice: 'The ledger is older than the database. Put the newer ledger back, then answer recheck.',
  });
}

/** The fence row has another term than the ledger, or there is none: `found` is undefined. */
export function restoredDatabaseFinding(
  database: string,
  { expected, found }: { readonly expected: number; readonly found: number | undefined },
): Finding {
  return finding({
    resource: formatResource({ kind: 'database', database }),
    class: 'discrepancy',
    kind: 'database-restored',
    impossible: ['restore', 'rerun'],
    expected: { digest: RESTORED, text: `term ${expected} of this job` },
    found: textSide(found === undefined ? 'no trace of this job' : `term ${found} of this job`),
    advice: 'The database was put back to an earlier state.',
  });
}

/** The same for every term: which term the ledger has is no part of a finding's identity. */
const RESTORED = stateDigest({ kind: 'value', value: stateDigest(ABSENT), summary: '' });
