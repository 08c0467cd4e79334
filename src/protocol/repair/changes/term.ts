/**
 * Raises a job's term in every database. The ledger has it with the record of what raised it.
 *
 * Invariant: the term never falls, and every database has it.
 */
import { HoldfastError } from '../../../model/failure.ts';
import { invariant } from '../../../model/invariant.ts';
import type { JobSettings } from '../../../model/job/settings.ts';
import { unreachableFindings } from '../../question/unseen.ts';
import { raiseFences } from '../../workspace/term.ts';
import type { Workspace } from '../../workspace/workspace.ts';

export interface TermRaise {
  readonly jobId: string;
  readonly settings: JobSettings;
  /** The term that the ledger has. */
  readonly term: number;
  /** What cannot be done where a database is out of reach: the beginning of the message. */
  readonly failing: string;
}

/** Returns the new term. @throws HoldfastError `storage-unreachable` */
export async function raiseTerm(workspace: Workspace, { jobId, settings, term, failing }: TermRaise): Promise<number> {
  const raised = await raiseFences(workspace, settings, jobId, term + 1);
  if ('unreachable' in raised) {
    const reasons = unreachableFindings(raised.unreachable).map(({ found }) => found.text);
    throw new HoldfastError('storage-unreachable', `${failing}: ${reasons.join('; ')}`);
  }
  invariant(raised.term > term, `the term of job ${jobId} rises above ${term}`);
  return raised.term;
}
