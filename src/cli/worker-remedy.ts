/** The command that gives a listed job a worker. */
import type { ListedJob } from '../client.ts';
import { makeCurrent, versionFlags } from '../model/job/version.ts';
import { workerCommand } from '../model/worker-command.ts';

/** Where a worker is there already, its version is made current. */
export function workerRemedy({ taskQueue, waitsForWorker: wait }: ListedJob): string {
  if (wait?.idleVersion !== undefined) return makeCurrent(wait.idleVersion);
  const start = workerCommand(taskQueue);
  return wait?.workerVersion === undefined ? start : `${start} ${versionFlags(wait.workerVersion)}`;
}
