/**
 * Moves a job that is pinned to a version of its workers to the version that is current.
 *
 * Invariants
 * 1. A Signal is sent only where a worker of the job's version is there to hear it, and another version gets jobs.
 * 2. The server's parts hear of a new version one after the other, and a job that is woken before then stays: so it is
 *    woken again, a bounded number of times.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { defined } from '../model/defined.ts';
import { isSameVersion, type JobVersion, type NamedVersion } from '../model/job/version.ts';
import { wakeSignal } from '../workflows/messages.ts';
import { hasEnded, listedJob } from './job-listing.ts';
import { readRouting, type Routing } from './routing.ts';
import type { ServerCalls } from './server-calls.ts';
import { fittingPollers } from './task-queue.ts';

/** A job that waits moves within a second of hearing that another version is current. */
const LOOKS = 20;
const LOOK_EVERY_MS = 500;
/** Each costs the history four events. */
const WAKE_EVERY_LOOKS = 2;

/** How a job is woken. */
export interface WakeOptions {
  /** Until the job has moved, for ten seconds at most; it is woken again meanwhile. Default: false. */
  readonly wait?: boolean;
}

/**
 * What came of waking a job. `ended`: it has. `not-pinned`: it goes where new jobs go, unasked. `is-current`: no other
 * version gets jobs. `none-current`: no version of its deployment is current. `woken`: it was, and nothing was waited
 * for. `moved`: it goes on with another version. `busy`: it does so once its step has ended. `stays`: nothing of it
 * runs, and the server has not told it of another version.
 */
export type WakeOutcome = 'ended' | 'not-pinned' | 'is-current' | 'none-current' | 'woken' | 'moved' | 'busy' | 'stays';

/** What `wake` did. */
export interface Woken {
  /** The job that was meant. */
  readonly workflowId: string;
  /** False: nothing was sent. */
  readonly requested: boolean;
  /** What came of it. */
  readonly outcome: WakeOutcome;
  /** The version that the job is on now; absent where its workers run without Worker Versioning. */
  readonly version?: JobVersion;
  /** The version of its deployment that is current, where there is one and the server tells. */
  readonly current?: NamedVersion;
}

/** NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED. */
const UNTOLD_CODES = new Set([5, 7, 12]);

/** @throws HoldfastError `not-found`, `no-worker` (of the job's version) */
export async function wakeJob(server: ServerCalls, workflowId: string, wait: boolean): Promise<Woken> {
  const { state, version, taskQueue } = listedJob(await server.describe(workflowId));
  const done = (outcome: WakeOutcome, more: Partial<Woken> = {}): Woken => ({
    workflowId,
    requested: false,
    outcome,
    ...defined({ version }),
    ...more,
  });
  if (hasEnded(state)) return done('ended');
  if (version?.behavior !== 'pinned') return done('not-pinned');
  const routing = await routingOf(server, version.deploymentName);
  const current = defined({ current: routing?.current });
  if (routing !== undefined && routing.current === undefined && routing.ramping === undefined)
    return done('none-current');
  const others = [routing?.current, routing?.ramping].filter((one) => one && !isSameVersion(one, version));
  if (routing !== undefined && others.length === 0) return done('is-current', current);
  const { pollers } = await server.queue(taskQueue);
  if (fittingPollers(pollers, version).workflow.length === 0) throw await server.noWorker(workflowId);
  const wake = async (): Promise<boolean> => server.send(workflowId, (handle) => handle.signal(wakeSignal));
  if (!wait) return done((await wake()) ? 'woken' : 'ended', { requested: true, ...current });
  const woken = await wakeUntilMoved(server, workflowId, version, wake);
  return done(woken.outcome, { requested: true, ...woken, ...current });
}

async function wakeUntilMoved(
  server: ServerCalls,
  workflowId: string,
  before: JobVersion,
  wake: () => Promise<boolean>,
): Promise<Pick<Woken, 'outcome' | 'version'>> {
  let isUnheard = false;
  let isBusy = false;
  for (let look = 0; look < LOOKS; look++) {
    // What has not heard of the last one yet needs no other.
    if (look % WAKE_EVERY_LOOKS === 0 && !isUnheard && !(await wake())) return { outcome: 'ended' };
    await delay(LOOK_EVERY_MS);
    const described = await server.describe(workflowId);
    const { version, state } = listedJob(described);
    if (hasEnded(state)) return { outcome: 'ended' };
    if (version !== undefined && !isSameVersion(before, version)) return { outcome: 'moved', version };
    const { pendingWorkflowTask, pendingActivities } = described.raw;
    isUnheard = pendingWorkflowTask != null;
    isBusy = (pendingActivities ?? []).length > 0;
  }
  if (isUnheard) throw await server.noWorker(workflowId);
  return { outcome: isBusy ? 'busy' : 'stays' };
}

/** Undefined: the server does not tell. */
async function routingOf(server: ServerCalls, deploymentName: string): Promise<Routing | undefined> {
  const { connection, namespace } = server;
  return await server.call(undefined, async () => {
    try {
      const described = await connection.workflowService.describeWorkerDeployment({ namespace, deploymentName });
      return readRouting(described.workerDeploymentInfo?.routingConfig);
    } catch (error) {
      if (UNTOLD_CODES.has((error as { code?: number }).code ?? -1)) return undefined;
      throw error;
    }
  });
}
