/**
 * The first verification of a fork: the chain that was made for it becomes its job's.
 *
 * Invariants
 * 1. It is given to the one Workflow that it was made for, and only while its Workflow knows just this place.
 * 2. All of it is one transaction: a fork has begun, or is as it was made.
 */
import type { VerifyWorldRequest } from '../../model/job/verify-world.ts';
import { forkNote, pendingJobId, PendingForkSchema } from '../../model/job/fork.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Caller } from '../host.ts';
import { recordCheckpoints } from '../commit/record-checkpoints.ts';

/** False: nothing here was made for this job. Call under the lock. Safe to repeat. */
export function beginFork(
  ledger: Ledger,
  { workflowId, runId }: Pick<Caller, 'workflowId' | 'runId'>,
  { jobId, known, settings }: Pick<VerifyWorldRequest, 'jobId' | 'known' | 'settings'>,
): boolean {
  const from = pendingJobId(workflowId);
  const at = ledger.job(from)?.at;
  const text = ledger.forks.find();
  if (text === undefined || at?.seq !== known.seq || at.head !== known.head) return false;
  const { fork, by, reason, changes } = PendingForkSchema.parse(JSON.parse(text));
  ledger.transaction(() => {
    ledger.forks.begin(from, { jobId, runId, settings });
    ledger.bind(jobId);
    ledger.append(jobId, runId, { kind: 'forked', workflowId, from: fork.from, by, reason, changes });
    recordCheckpoints(ledger, { jobId, runId }, [forkNote(fork)]);
  });
  return true;
}
