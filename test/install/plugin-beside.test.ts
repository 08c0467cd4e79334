/**
 * What else of Temporal's a program has on its Worker: plugins of connections, codecs, Nexus services, a default
 * Workflow, replays. With encryption on throughout.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { SimplePlugin } from '@temporalio/plugin';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { serviceHandler } from 'nexus-rpc';
import { implementStep } from '../../src/model/step/step.ts';
import { HoldfastPlugin } from '../../src/plugin.ts';
import { greetingActivities } from '../support/greeting-activities.ts';
import { MARKED_ENCODING, MarkingCodec } from '../support/marking-codec.ts';
import { measureStep, summariseStep } from '../support/own-workflow.ts';
import { shoutService } from '../support/shout-service.ts';
import { storedText } from '../support/stored-history.ts';
import { testTemporal } from '../support/temporal.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const temporal = await testTemporal();
const { address, namespace } = temporal;
const root = mkdtempSync(join(tmpdir(), 'holdfast-beside-'));
const env = {
  HOLDFAST_STATE_DIR: join(root, 'state'),
  HOLDFAST_ENCRYPTION_KEYS: 'test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
};
const measure = implementStep(measureStep, async (ctx, { path }) => ({
  length: (await ctx.files.readText(path)).length,
}));
const summarise = implementStep(summariseStep, async (ctx, { lengths }) => {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  await ctx.files.write('total', `${total}\n`);
  return { total };
});
const steps = [measure, summarise];
const options = { steps, workspaceRoot: root, env };
const holdfast = new HoldfastPlugin(options);
const workflowsPath = fileURLToPath(new URL('../support/beside-workflows.ts', import.meta.url));
const logger = new DefaultLogger('ERROR');
const workflowBundle = await bundleWorkflowCode({
  workflowsPath,
  logger,
  plugins: [holdfast],
  preloadModules: ['./preloaded.ts'],
});
const { connection } = temporal;
const client = new Client({ connection, namespace, plugins: [holdfast] });

/** Of the program's own, nearer to the server than the encryption. */
const codec = new MarkingCodec();
const dataConverter = { payloadCodecs: [codec] };
/** A Client by whose connection the plugin comes. */
let by: Client;
let handing: { readonly native: NativeConnection; readonly plain: Connection };
let everything: Worker;
let running: Promise<void>;
const seen: string[] = [];
/** Of a guarded Workflow of the program's own, and of a plan. */
let jobs: { readonly own: string; readonly planned: string };

/** A Worker with all of it, whose connection brings the plugin. */
before(async () => {
  handing = {
    native: await NativeConnection.connect({ address, plugins: [holdfast] }),
    plain: await Connection.connect({ address, plugins: [holdfast] }),
  };
  by = new Client({ connection: handing.plain, namespace, dataConverter });
  const taskQueue = temporal.unique('queue');
  everything = await worker({
    connection: handing.native,
    taskQueue,
    dataConverter,
    plugins: [new SimplePlugin({ name: 'other', runContext: (next) => (seen.push('other'), next()) })],
    activities: {
      // By the Client that the SDK makes of the Worker.
      greet: async (name: string) => {
        const { workflow } = Context.current().client;
        return String(await workflow.execute(name, { workflowId: temporal.unique('inner'), taskQueue }));
      },
    },
    nexusServices: [
      serviceHandler(shoutService, { shout: (_, text: string) => Promise.resolve(`${text.toUpperCase()}!`) }),
    ],
  });
  running = everything.run();
  jobs = await runJobs(taskQueue);
});

after(async () => {
  everything.shutdown();
  await running;
  await Promise.all([handing.native.close(), handing.plain.close()]);
  rmSync(root, { recursive: true, force: true });
});

async function worker(given: Partial<WorkerOptions> = {}): Promise<Worker> {
  return await Worker.create({
    connection: await temporal.nativeConnection(),
    namespace,
    taskQueue: temporal.unique('queue'),
    activities: greetingActivities,
    workflowBundle,
    plugins: [holdfast],
    ...given,
  });
}

/** One call of each of two guarded Workflows, a user's own and a plan's, to their ends. */
async function runJobs(taskQueue: string): Promise<typeof jobs> {
  const [own, planned] = [temporal.unique('own'), temporal.unique('planned')];
  mkdirSync(join(root, own));
  writeFileSync(join(root, own, 'a'), 'secret words');
  const args = [{ workspace: own, paths: ['a'], waitMs: 1 }];
  assert.deepEqual(await by.workflow.execute('ownWorkflow', { workflowId: own, taskQueue, args }), {
    total: 12,
    long: 1,
  });
  const note = { id: 'note', use: 'file.write', with: { path: 'n', content: 'x' } };
  const plan = { schemaVersion: 1, name: 'note', workspace: planned, steps: [note] };
  await by.workflow.execute('agentJob', { workflowId: planned, taskQueue, args: [{ plan }] });
  assert.equal(readFileSync(join(root, planned, 'n'), 'utf8'), 'x');
  return { own, planned };
}

test('a connection hands the plugin on: to Clients, to Workers and to the Clients of their Activities', async () => {
  const { taskQueue } = everything.options;
  assert.ok(!(await storedText(temporal, jobs.own)).includes('"workspace"'));
  const args = ['InnerType', 1];
  const workflowId = temporal.unique('outer');
  assert.deepEqual(await by.workflow.execute('greeting', { workflowId, taskQueue, args }), {
    text: 'ran as InnerType',
    at: 'no date but number',
  });
  assert.deepEqual(seen, ['other']);
  await assert.rejects(worker({ connection: handing.native }), {
    type: 'bad-input',
    message: /^Holdfast's plugin is there twice for a Worker\.$/,
  });
  const another = new HoldfastPlugin(options);
  assert.throws(() => new Client({ connection: handing.plain, namespace, plugins: [another] }), {
    type: 'bad-input',
    message: /^Holdfast's plugin is there twice for a Client\.$/,
  });
});

test('payload codecs of the program stand nearer to the server than the encryption', async () => {
  const stored = await storedText(temporal, jobs.own);
  assert.ok(stored.includes(MARKED_ENCODING));
  assert.ok(!stored.includes('"workspace"'));
  assert.deepEqual([...codec.wrapped], ['binary/encrypted']);
});

test('a replaying Worker with the plugin replays guarded Workflows and plans', async () => {
  const ids = [jobs.own, jobs.planned];
  const histories = await Promise.all(
    ids.map(async (workflowId) => ({ workflowId, history: await by.workflow.getHandle(workflowId).fetchHistory() })),
  );
  const replayed: string[] = [];
  const replaying = { workflowBundle, dataConverter, plugins: [holdfast] };
  for await (const { workflowId, error } of Worker.runReplayHistories(replaying, histories)) {
    assert.equal(error, undefined);
    replayed.push(workflowId);
  }
  assert.deepEqual(replayed, ids);
  await assert.rejects(
    Worker.runReplayHistory({ workflowBundle, plugins: [holdfast, holdfast] }, histories[0]!.history),
    { type: 'bad-input', message: /^Holdfast's plugin is there twice for a replaying Worker\.$/ },
  );
});

test('Nexus services, a default Workflow and a module loaded once for all are there beside guarded jobs', async () => {
  const { taskQueue } = everything.options;
  const endpoint = temporal.unique('endpoint');
  await connection.operatorService.createNexusEndpoint({
    spec: { name: endpoint, target: { worker: { namespace, taskQueue } } },
  });
  const workflowId = temporal.unique('shouting');
  const args = [endpoint, 'hush'];
  assert.equal(await by.workflow.execute('shouting', { workflowId, taskQueue, args }), 'HUSH!');
  assert.doesNotMatch(await storedText(temporal, workflowId), /hush/i);
  const other = { workflowId: temporal.unique('other'), taskQueue };
  assert.equal(await by.workflow.execute('noSuchType', other), 'ran as noSuchType');
  const third = { workflowId: temporal.unique('shared'), taskQueue };
  assert.deepEqual(await by.workflow.execute('shared', third), { wasPreloaded: true, isFrozen: true });
});

test('with agentJob: false a Worker runs Workflows alone, another Activities alone, and none a plan', async () => {
  const withoutPlans = new HoldfastPlugin({ ...options, agentJob: false });
  const own = fileURLToPath(new URL('../support/greeting-workflow.ts', import.meta.url));
  const bundle = await bundleWorkflowCode({ workflowsPath: own, logger, plugins: [withoutPlans] });
  assert.throws(() => holdfast.configureWorker({ taskQueue: 'mine', workflowBundle: bundle }), {
    type: 'bad-input',
    message: /^The bundle of Workflows lacks `agentJob`, which runs plans\. /,
  });
  const plugins = [withoutPlans];
  const brain = await worker({ workflowBundle: bundle, plugins, enableNonLocalActivities: false });
  const { taskQueue } = brain.options;
  // The steps of the first are carried out by the second.
  const hands = await Worker.create({ connection: await temporal.nativeConnection(), namespace, taskQueue, plugins });
  assert.equal(hands.options.workflowBundle ?? hands.options.workflowsPath, undefined);
  await hands.runUntil(async () => {
    await brain.runUntil(async () => {
      const workflowId = temporal.unique('alone');
      mkdirSync(join(root, workflowId));
      writeFileSync(join(root, workflowId, 'a'), '123');
      const args = [{ workspace: workflowId, paths: ['a'], waitMs: 1 }];
      const own = { workflowId, taskQueue, args };
      assert.deepEqual(await client.workflow.execute('ownWorkflow', own), { total: 3, long: 0 });
    });
  });
});
