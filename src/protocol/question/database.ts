/** What a database has of a job that the ledger contradicts: one of the two is an older copy. */
import type { Digest } from '../../model/digest.ts';
import type { Finding } from '../../model/question/finding.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, stateDigest } from '../../model/record/world.ts';
import { finding, textSide } from './finding.ts';

/**
 * A token row of the job that the ledger does not know.
 * @param stepId whose it is, where that can be told
 */
export function unknownTokenFinding(database: string, token: Digest, stepId?: string): Finding {
  const whose = stepId === undefined ? 'of this job' : `of step ${stepId} of this job`;
  return finding({
    resource: formatResource({ kind: 'token', database, token }),
    class: 'damaged',
    kind: 'token-unknown',
    impossible: ['rebuild'],
    expected: textSide('no such effect'),
    found: { digest: token, text: `a committed transaction ${whose} that the record does not have` },
    advice:
      'The ledger is older than the database. Put the newer ledger back, then answer recheck. Where there is none ' +
      'any more, as for a job that was started from its store: take back by hand what that transaction did, and its ' +
      `token (DELETE FROM holdfast_token WHERE token = '${token}'), then answer recheck; the step does it again.`,
  });
}

export interface FenceDifference {
  /** The ledger's term. */
  readonly expected: number;
  /** The fence row's; undefined: there is none. */
  readonly found: number | undefined;
}

/** The fence row has another term than the ledger, or there is none. */
export function restoredDatabaseFinding(database: string, fence: FenceDifference): Finding {
  const { expected, found } = fence;
  return finding({
    resource: formatResource({ kind: 'database', database }),
    class: 'discrepancy',
    kind: 'database-restored',
    impossible: ['restore', 'rerun'],
    expected: { digest: RESTORED, text: `term ${expected} of this job` },
    found: textSide(found === undefined ? 'no trace of this job' : `term ${found} of this job`),
    advice: fenceAdvice(fence),
  });
}

function fenceAdvice({ expected, found }: FenceDifference): string {
  if (found === undefined)
    return (
      "It was put back to a state before this job, or replaced, or Holdfast's tables were removed. Put the right one " +
      'back, then answer recheck; or accept: then its rows and tables are compared, and the job goes on in this one.'
    );
  if (found < expected)
    return (
      'The database was put back to an earlier state. Put the newer one back, then answer recheck; or accept: then ' +
      'its rows and tables are compared, and the job goes on in this one.'
    );
  return (
    'Another copy of this workspace has gone on with the job, or the ledger was put back to an earlier state, ' +
    'or somebody has edited holdfast_fence. Find out which before you answer.'
  );
}

/** The same for every term: which term the ledger has is no part of a finding's identity. */
const RESTORED = stateDigest({ kind: 'value', value: stateDigest(ABSENT), summary: '' });
