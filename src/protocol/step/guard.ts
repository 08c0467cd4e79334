/**
 * May this step go on without comparing the world first? One local read.
 *
 * Invariant: whatever is compared comes from the request (a verification's result in the history) and from the ledger;
 * "no" does nothing and is answered by the Workflow with a verification, visible in the history.
 */
import type { RunStepRequest } from '../../model/job/run-step.ts';
import type { VerificationReason } from '../../model/job/verify-world.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { BootClock, Caller, ProtocolHost } from '../host.ts';

/** A shorter wait would ask for a comparison again before the step that the last one was for has come. */
export const MIN_VERIFY_AFTER_MS = 500;

export interface NotVerified {
  readonly reason: VerificationReason;
  readonly detail: string;
}

/** Registers the worker at its first request, which no mark yet covers. Call under the lock. */
export function whyNotVerified(
  ledger: Ledger,
  host: ProtocolHost,
  caller: Caller,
  request: Pick<RunStepRequest, 'jobId' | 'term' | 'known' | 'mark'>,
): NotVerified | undefined {
  const bound = ledger.boundJobId();
  if (bound !== undefined && bound !== request.jobId)
    return { reason: 'bound-to-another-job', detail: `the workspace belongs to job ${bound}` };
  const job = ledger.job(request.jobId);
  if (job === undefined) return { reason: 'first-of-run', detail: 'the ledger does not know this job' };
  if (job.runId !== caller.runId)
    return { reason: 'first-of-run', detail: `the world was last compared for Run ${job.runId}` };
  if (job.term !== request.term)
    return { reason: 'other-term', detail: `the request has term ${request.term}, the ledger ${job.term}` };
  if (ledger.headAt(request.jobId, request.known.seq) !== request.known.head) {
    return {
      reason: 'record-missing',
      detail: `the ledger lacks record ${request.known.seq}, which the Workflow has (it ends at ${job.at.seq})`,
    };
  }
  if (ledger.sealedRepairs(request.jobId).length > 0)
    return { reason: 'repair-pending', detail: 'a decision is half carried out' };
  const ordinal = ledger.workerOrdinal(host.worker.id);
  if (ordinal === undefined) {
    ledger.transaction(() => ledger.registerWorker(host.worker.id, host.worker.identity), { relaxed: true });
    faultPoint('worker.registered');
    return { reason: 'worker-not-covered', detail: `worker ${host.worker.id} is new here` };
  }
  if (ordinal > job.markOrdinal)
    return { reason: 'worker-not-covered', detail: `worker ${host.worker.id} came after the world was last compared` };
  return whyNotFresh(job, host.clock(), request.mark);
}

/** However short a job's `verifyAfterMs`, and however slow the machine: the request that the world was just compared for has this long. */
const ALLOWANCE_MS = 60_000;

/** Has too long passed since the world was last compared, or something was last committed? */
export function whyNotFresh(job: JobRow, now: BootClock, mark?: number): NotVerified | undefined {
  const verifyAfterMs = Math.max(
    job.settings.verifyAfterMs,
    mark === job.markOrdinal ? ALLOWANCE_MS : MIN_VERIFY_AFTER_MS,
  );
  if (job.fresh.bootId !== now.bootId)
    return { reason: 'too-long-since', detail: 'the host was started again since the world was last compared' };
  const elapsedMs = now.bootMs - job.fresh.bootMs;
  if (elapsedMs > verifyAfterMs) {
    return {
      reason: 'too-long-since',
      detail: `${Math.round(elapsedMs / 1000)} s passed since the world was last compared; the job allows ${Math.round(verifyAfterMs / 1000)} s`,
    };
  }
  return undefined;
}
