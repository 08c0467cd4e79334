/** The record of a job's release: from here on the workspace is bound to no job. */
import { invariant } from '../../model/invariant.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { ReleaseRequest } from '../../model/job/release.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

export interface Release {
  readonly outcome: ReleaseRequest['outcome'] | 'taken-over';
  /** The Run that the record names. */
  readonly runId: string;
  /** The term that every database has now. */
  readonly term: number;
  readonly notes: readonly string[];
}

/** In a transaction, once every database has the term. Returns the record's place. */
export function recordRelease(ledger: Ledger, job: JobRow, { outcome, runId, term, notes }: Release): ChainPlace {
  invariant(term > job.term, `the release of job ${job.jobId} raises its term`);
  const { at } = ledger.append(job.jobId, runId, { kind: 'released', outcome, notes: [...notes], changes: [] });
  ledger.raiseTerm(job.jobId, term);
  ledger.setJobState(job.jobId, 'released');
  ledger.unbind();
  return at;
}
