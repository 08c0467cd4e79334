/**
 * Holdfast and bare Temporal, side by side: one development server, one connection, one bundle of Workflows. The server
 * keeps its state in a file, for the others keep theirs on the disk, too.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { startDevServer } from '../../../src/dev-server/start.ts';
import { implementStep, type StepImplementation } from '../../../src/model/step/step.ts';
import type { StepContext } from '../../../src/model/step/step-context.ts';
import { bundleWorkflows, createWorker } from '../../../src/worker.ts';
import { contentOf, textOf } from '../../workspace.ts';
import type { Contender, Place, Work } from '../contender.ts';
import { fileOf } from '../work.ts';
import { manyStep, noteStep, type Activities } from './contracts.ts';

const TASK_QUEUE = 'peers';
const BARE_TASK_QUEUE = 'peers-bare';

export async function open(place: Place, work: Work): Promise<Contender> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const [server, workflowBundle] = await Promise.all([
    startDevServer({ ui: false, dbFilename: join(place.folder, 'temporal.db') }),
    bundleWorkflows(fileURLToPath(new URL('workflows.ts', import.meta.url))),
  ]);
  const connection = await NativeConnection.connect({ address: server.address });
  const guarded = await createWorker({
    address: server.address,
    connection,
    taskQueue: TASK_QUEUE,
    workspaceRoot: place.folder,
    steps: stepsOf(work),
    workflowBundle,
    env: { NOTES: place.databaseUrl, HOLDFAST_STATE_DIR: join(place.folder, 'state') },
  });
  const activities: Activities = { note: work.act };
  const bare = await Worker.create({ connection, taskQueue: BARE_TASK_QUEUE, activities, workflowBundle });
  const running = Promise.all([guarded.run(), bare.run()]);
  running.catch(() => undefined);
  const clientConnection = await Connection.connect({ address: server.address });
  const { workflow } = new Client({ connection: clientConnection });
  const by = (type: string, taskQueue: string) => async (job: string, steps: number) =>
    void (await workflow.execute(type, { workflowId: job, taskQueue, args: [{ job, steps }] }));
  return {
    versions: versions(server.executable.path),
    variants: {
      'sub-step': by('subSteps', TASK_QUEUE),
      step: by('steps', TASK_QUEUE),
      'temporal-local-activity': by('localActivities', BARE_TASK_QUEUE),
      'temporal-activity': by('activities', BARE_TASK_QUEUE),
    },
    close: async () => {
      guarded.shutdown();
      bare.shutdown();
      await running;
      await clientConnection.close();
      await connection.close();
      await server.stop();
    },
  };
}

function stepsOf(work: Work): readonly StepImplementation[] {
  const note = async (ctx: Pick<StepContext, 'files' | 'db'>, job: string, index: number): Promise<void> => {
    work.begins();
    await ctx.files.write(fileOf(index), contentOf(index));
    await ctx.db('main').insert('note', { job, step: index, text: textOf(index) });
  };
  return [
    implementStep(noteStep, async (ctx, { job, index }) => {
      await note(ctx, job, index);
      return {};
    }),
    implementStep(manyStep, async (ctx, { job, steps }) => {
      for (let index = 0; index < steps; index++)
        await ctx.step(`note-${index}`, { index }, async (sub) => await note(sub, job, index));
      return {};
    }),
  ] as unknown as readonly StepImplementation[];
}

function versions(temporal: string): Readonly<Record<string, string>> {
  const manifest = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string };
  const sdk = new URL(import.meta.resolve('@temporalio/worker/package.json'));
  const { version: sdkVersion } = JSON.parse(readFileSync(sdk, 'utf8')) as { readonly version: string };
  const server = /[Ss]erver (\S+?)[,)]/.exec(execFileSync(temporal, ['--version'], { encoding: 'utf8' }))?.[1];
  return { holdfast: version, '@temporalio/worker': sdkVersion, 'Temporal server': server ?? 'unknown' };
}
