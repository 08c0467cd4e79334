/**
 * May this step go on without comparing the world first? One local read.
 *
 * Invariant: the answer depends only on the request (a verification's result in the history) and the ledger. On "no"
 * the step does nothing, and the Workflow requests a verification, which the history shows.
 */
import type { RunStepRequest } from '../../model/job/run-step.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { whyNotFresh, type NotVerified } from './freshness.ts';

/** Call under the lock. A worker is registered by its first request, which no mark covers yet. */
export function whyNotVerified(
  ledger: Ledger,
  host: ProtocolHost,
  caller: Caller,
  request: GuardedRequest,
): NotVerified | undefined {
  const bound = ledger.boundJobId();
  if (bound !== undefined && bound !== request.jobId)
    return { reason: 'bound-to-another-job', detail: `the workspace belongs to job ${bound}` };
  const job = ledger.job(request.jobId);
  if (job === undefined) return { reason: 'first-of-run', detail: 'the ledger does not know this job' };
  return (
    whyNotCurrent(ledger, job, caller, request) ??
    whyNotCovered(ledger, job, host) ??
    whyNotFresh(job, host.clock(), request.mark)
  );
}

type GuardedRequest = Pick<RunStepRequest, 'jobId' | 'term' | 'known' | 'mark'>;

/** Does the request come from the Run that last compared the world, knowing what the ledger knows? */
function whyNotCurrent(
  ledger: Ledger,
  job: JobRow,
  caller: Caller,
  { term, known }: GuardedRequest,
): NotVerified | undefined {
  if (job.runId !== caller.runId)
    return { reason: 'first-of-run', detail: `the world was last compared for Run ${job.runId}` };
  if (job.term !== term)
    return { reason: 'other-term', detail: `the request has term ${term}, the ledger ${job.term}` };
  const head = ledger.headAt(job.jobId, known.seq);
  if (head !== known.head) {
    const detail =
      head === undefined
        ? `the ledger ends at record ${job.at.seq}; the Workflow has record ${known.seq}`
        : `record ${known.seq} of the ledger is not the one that the Workflow has`;
    return { reason: 'record-missing', detail };
  }
  return ledger.repairs.sealed(job.jobId).length > 0
    ? { reason: 'repair-pending', detail: 'a decision is half carried out' }
    : undefined;
}

/** Was the world compared since this worker came? */
function whyNotCovered(ledger: Ledger, job: JobRow, { worker }: ProtocolHost): NotVerified | undefined {
  const ordinal = ledger.workerOrdinal(worker.id);
  if (ordinal === undefined) {
    ledger.transaction(() => ledger.registerWorker(worker.id, worker.identity), { relaxed: true });
    faultPoint('worker.registered');
    return { reason: 'worker-not-covered', detail: `worker ${worker.id} is new here` };
  }
  if (ordinal > job.markOrdinal)
    return { reason: 'worker-not-covered', detail: `worker ${worker.id} came after the world was last compared` };
  return undefined;
}
