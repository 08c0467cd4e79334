/** Which job of a workspace a person means. */
import { HoldfastError } from '../../model/failure.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/**
 * The job of this id or Workflow id; without a name the one that has the workspace, else the latest.
 * @throws HoldfastError `not-found`
 */
export function namedJob(ledger: Ledger, root: string, name: string | undefined): JobRow {
  const jobs = ledger.jobIds().map((jobId) => ledger.job(jobId)!);
  const bound = ledger.boundJobId();
  const found =
    name === undefined
      ? (jobs.find(({ jobId }) => jobId === bound) ?? jobs.at(-1))
      : jobs.findLast((job) => job.jobId === name || job.workflowId === name);
  if (found !== undefined) return found;
  const there = jobs.length === 0 ? '' : `; it has ${jobs.map(({ workflowId }) => workflowId).join(', ')}`;
  const wanted = name === undefined ? 'any job' : `job ${name}`;
  throw new HoldfastError('not-found', `${root} has no record of ${wanted}${there}.`, { folder: root });
}
