/**
 * Bare Temporal: an Activity a step, which heartbeats; the key of its calls is made of the Run and the Activity.
 * https://docs.temporal.io/activity-definition#idempotency
 */
import { readFileSync } from 'node:fs';
import { activityInfo, heartbeat } from '@temporalio/activity';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { KillPeer, KillPlace, Outcome } from '../kills/peer.ts';
import type { Work } from '../kills/work.ts';
import type { Activities } from './activities.ts';

const BEAT_MS = 2_000;

export async function open({ server, prepared, folder, variant }: KillPlace, work: Work): Promise<KillPeer> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const activities: Activities = {
    act: async (job, index) => {
      const { activityId, workflowExecution, isLocal } = activityInfo();
      const beating = isLocal ? undefined : setInterval(() => heartbeat(), BEAT_MS);
      try {
        return await work.act(job, index, `${workflowExecution!.runId}-${activityId}`);
      } finally {
        clearInterval(beating);
      }
    },
  };
  // Of this case alone, as its folder is.
  const taskQueue = folder;
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address: server.main }),
    taskQueue,
    activities,
    workflowBundle: { code: readFileSync(prepared, 'utf8') },
  });
  const running = worker.run();
  running.catch(() => undefined);
  const connection = await Connection.connect({ address: server.main });
  const { workflow } = new Client({ connection });
  return {
    versions: { '@temporalio/worker': versionOf('@temporalio/worker') },
    start: async (job) => void (await workflow.start(variant, { workflowId: job, taskQueue, args: [job] })),
    outcome: async (job): Promise<Outcome> =>
      await workflow
        .getHandle(job)
        .result()
        .then(
          () => ({ kind: 'completed' }),
          (error: unknown) => ({ kind: 'failed', why: whyOf(error) }),
        ),
    sees: async (job) => {
      const { raw, status } = await workflow.getHandle(job).describe();
      const pending = (raw.pendingActivities ?? []).map(
        ({ attempt, lastFailure }) => `attempt ${attempt}, last failure: ${lastFailure?.message ?? 'none'}`,
      );
      return [`status ${status.name}`, ...pending].join('; ');
    },
    close: async () => {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}

function whyOf(error: unknown): string {
  const cause = error instanceof WorkflowFailedError ? (error.cause?.cause ?? error.cause) : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function versionOf(name: string): string {
  const file = new URL(import.meta.resolve(`${name}/package.json`));
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}
