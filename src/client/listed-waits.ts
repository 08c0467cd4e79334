/**
 * Which of the listed jobs have no worker: each Task Queue is asked about once, and only of jobs without a worker it is
 * looked up since when they wait.
 *
 * Invariant: however many jobs and Task Queues there are, so many calls at most; what is not looked at has no mark.
 */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defined } from '../model/defined.ts';
import type { WorkerWait } from '../model/job/worker-wait.ts';
import { hasEnded, type FoundJob, type ListedJob, type ListedWait } from './job-listing.ts';
import { fittingPollers, idleVersion, workerVersion, type QueueMemory } from './task-queue.ts';
import { waitingSince } from './worker-wait.ts';

const MAX_QUEUES = 50;
const MAX_DESCRIBED = 50;
const AT_ONCE = 10;

export interface WaitsServer {
  queue(taskQueue: string): Promise<QueueMemory>;
  describe(workflowId: string): Promise<WorkflowExecutionDescription>;
}

export class ListedWaits {
  readonly #server: WaitsServer;
  readonly #queues = new Map<string, Promise<QueueMemory>>();

  constructor(server: WaitsServer) {
    this.#server = server;
  }

  /** A worker whose slots are all taken still polls for Workflows, so that who doesn't is none. */
  async waitOf(found: FoundJob): Promise<ListedWait | undefined> {
    if (hasEnded(found.job.state)) return undefined;
    const queue = await this.#queue(found.job.taskQueue);
    const kind = kindOf(found, queue);
    if (kind === undefined || queue === undefined) return kind && { kind };
    const { version } = found.job;
    const wanted = workerVersion(queue.pollers, version);
    const idle = idleVersion(queue.pollers, version);
    return { kind, ...defined({ workerVersion: wanted, idleVersion: idle }) };
  }

  /** Adds since when those with a mark wait. */
  async withSince(jobs: readonly ListedJob[]): Promise<readonly ListedJob[]> {
    const marked = jobs.filter(({ waitsForWorker }) => waitsForWorker !== undefined).slice(0, MAX_DESCRIBED);
    const since = new Map<string, string | undefined>();
    for (let from = 0; from < marked.length; from += AT_ONCE)
      await Promise.all(
        marked.slice(from, from + AT_ONCE).map(async ({ workflowId, runId }) => {
          // One that has ended since it was listed waits no more.
          since.set(runId, await this.#server.describe(workflowId).then(waitingSince, () => undefined));
        }),
      );
    return jobs.map((job) =>
      job.waitsForWorker === undefined
        ? job
        : { ...job, waitsForWorker: { ...job.waitsForWorker, ...defined({ since: since.get(job.runId) }) } },
    );
  }

  async #queue(taskQueue: string): Promise<QueueMemory | undefined> {
    const known = this.#queues.get(taskQueue);
    if (known !== undefined || this.#queues.size >= MAX_QUEUES) return await known;
    const asked = this.#server.queue(taskQueue);
    this.#queues.set(taskQueue, asked);
    return await asked;
  }
}

function kindOf({ job, saysNoWorker }: FoundJob, queue: QueueMemory | undefined): WorkerWait['kind'] | undefined {
  const pollers = queue && fittingPollers(queue.pollers, job.version);
  if (pollers?.workflow.length === 0) return 'no-worker';
  if (!saysNoWorker) return undefined;
  return pollers !== undefined && pollers.activity.length > 0 ? 'no-free-slot' : 'no-worker';
}
