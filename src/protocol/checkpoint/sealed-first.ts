/** Before a job goes on: its checkpoints are where its plan wants them, or it says that they are not. */
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { SealedJobs } from './seal-job.ts';

const OF_WORKSPACES = new WeakMap<Workspace, SealedJobs>();

export interface Checkpointed {
  readonly host: Pick<ProtocolHost, 'worker'>;
  readonly workspace: Workspace;
  readonly caller: Pick<Caller, 'workflowId' | 'log'>;
}

/**
 * Seals what the record has and the store has not. Does nothing for a job without a store. Safe to repeat.
 * @throws HoldfastError as `SealedJobs.seal`, unless the plan says `best-effort`
 */
export async function sealFirst(
  { host, workspace, caller }: Checkpointed,
  jobId: string,
  settings: JobSettings,
): Promise<void> {
  if (settings.checkpoint === undefined) return;
  const { workflowId } = caller;
  try {
    await sealedJobsOf(workspace).seal(workspace, { jobId, workflowId, settings }, host.worker.id);
  } catch (error) {
    if (!(error instanceof HoldfastError) || settings.checkpoint.mode !== 'best-effort') throw error;
    caller.log(`a checkpoint could not be stored, and the job goes on without, as its plan says: ${error.message}`);
  }
}

function sealedJobsOf(workspace: Workspace): SealedJobs {
  const known = OF_WORKSPACES.get(workspace);
  if (known !== undefined) return known;
  const made = new SealedJobs();
  OF_WORKSPACES.set(workspace, made);
  return made;
}
