/**
 * Attempts that a power loss took out of the ledger: what they had prepared beside their targets goes. So do old files
 * that settled changes had captured: a power loss may have taken back that they were removed.
 *
 * Invariant: it is looked for once a start of the host, since only with the host does a committed note of an attempt
 * go; a workspace is searched whole for it.
 */
import type { BootTime, JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** Call under the lock, before the mark is set anew, or at the job's end. Safe to repeat. */
export async function removeForgottenFiles(
  { files }: Workspace,
  ledger: Ledger,
  { fresh }: Pick<JobRow, 'fresh'>,
  now: BootTime,
): Promise<void> {
  if (fresh.bootId === '' || fresh.bootId === now.bootId) return;
  const jobs = ledger.jobIds();
  const intents = jobs.flatMap((jobId) => ledger.openIntents(jobId).map(({ intent }) => intent.token));
  const repairs = jobs.flatMap((jobId) => ledger.repairs.sealed(jobId));
  await files.removeForgotten([...intents, ...repairs], (shortToken) => ledger.hasSettled(shortToken));
}
