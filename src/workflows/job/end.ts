/** The end of a job: its workspace is given back, and people see what has ended. */
import { allHandlersFinished, CancellationScope, condition, log } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import type { ReleaseRequest, ReleaseResult } from '../../model/job/release.ts';
import { MAX_ENDING_NOTES } from '../../model/job/status.ts';
import { callRelease } from '../activities.ts';
import { isPatched } from '../patches.ts';
import { traceOutcome } from '../trace.ts';
import type { JobParts } from './parts.ts';

export type Outcome = ReleaseRequest['outcome'];

/** @throws CancelledFailure when the job is cancelled before the release has begun; then it has not ended yet */
export async function endJob(parts: JobParts, outcome: Outcome): Promise<void> {
  const { identity, ending, view, board, attributes, checkpoints } = parts;
  view.state = 'ending';
  ending.end();
  await condition(() => allHandlersFinished());
  try {
    const released = await release(parts, { ...identity, outcome, ...defined({ checkpoints: checkpoints.pending }) });
    view.endingNotes = [...parts.runningPlans.notes, ...released.notes].slice(0, MAX_ENDING_NOTES);
    if (!released.released) log.warn('the workspace stays bound to this job', { notes: released.notes });
  } catch (error) {
    // The job's own outcome counts more; the workspace stays bound, and its next user is asked.
    log.warn('the workspace could not be given back', { error: String(error) });
  }
  board.stop();
  view.state = outcome;
  traceOutcome(outcome);
  attributes.show(outcome, 0);
  view.refresh();
}

/** Once it has begun, a cancellation does not keep the workspace from being given back. */
async function release({ watch }: JobParts, request: ReleaseRequest): Promise<ReleaseResult> {
  const call = (): Promise<ReleaseResult> =>
    watch.untilTaken({ activity: 'release' }, (withinMs) => callRelease(request, withinMs));
  const job = CancellationScope.current();
  if (!job.cancellable) return await call();
  return await CancellationScope.nonCancellable(async () => {
    const scope = new CancellationScope();
    job.cancelRequested.catch(() => {
      if (!isPatched('a-cancellation-spares-the-release')) scope.cancel();
    });
    return await scope.run(call);
  });
}
