/** Holdfast on Workers that a program has already: beside its own Workflows, Activities, converter and plugins. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { SimplePlugin } from '@temporalio/plugin';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { implementStep } from '../../src/model/step/step.ts';
import { HoldfastPlugin } from '../../src/plugin.ts';
import { greetingActivities } from '../support/greeting-activities.ts';
import { greeting } from '../support/greeting-workflow.ts';
import { measureStep, ownWorkflow, summariseStep } from '../support/own-workflow.ts';
import { storedText } from '../support/stored-history.ts';
import { testTemporal } from '../support/temporal.ts';

Runtime.install({ logger: new DefaultLogger('WARN') });
const KEY = 'test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
const temporal = await testTemporal();
const root = mkdtempSync(join(tmpdir(), 'holdfast-plugin-'));
const env = { HOLDFAST_STATE_DIR: join(root, 'state') };
const measure = implementStep(measureStep, async (ctx, { path }) => {
  const { length } = await ctx.files.readText(path);
  return { length };
});
const summarise = implementStep(summariseStep, async (ctx, { lengths }) => {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  await ctx.files.write('total', `${total}\n`);
  return { total };
});
const steps = [measure, summarise];
const workflowsPath = fileURLToPath(new URL('../support/greeting-workflow.ts', import.meta.url));
const dates = { payloadConverterPath: fileURLToPath(new URL('../support/dates-converter.ts', import.meta.url)) };
/** Another plugin, which counts what runs and adds an Activity. */
const ran: string[] = [];
const counting = new SimplePlugin({
  name: 'counting',
  activities: { extra: () => 'extra' },
  workerInterceptors: {
    activity: [
      ({ info }) => ({
        inbound: {
          execute: (input, next) => {
            ran.push(info.activityType);
            return next(input);
          },
        },
      }),
    ],
  },
});
const holdfast = new HoldfastPlugin({ steps, workspaceRoot: root, env });
const workflowBundle = await bundleWorkflowCode({
  workflowsPath,
  logger: new DefaultLogger('WARN'),
  plugins: [counting, holdfast],
});

after(() => rmSync(root, { recursive: true, force: true }));

async function worker(options: Partial<WorkerOptions>): Promise<Worker> {
  return await Worker.create({
    connection: await temporal.nativeConnection(),
    namespace: temporal.namespace,
    taskQueue: temporal.unique('queue'),
    activities: greetingActivities,
    plugins: [counting, holdfast],
    ...(options.workflowsPath === undefined ? { workflowBundle } : {}),
    ...options,
  });
}

function workspaceWith(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(root, name));
  for (const [path, content] of Object.entries(files)) writeFileSync(join(root, name, path), content);
  return name;
}

function jobOf(made: Worker, workspace: string): Parameters<Client['workflow']['start']>[1] {
  return {
    workflowId: temporal.unique('job'),
    taskQueue: made.options.taskQueue,
    args: [{ workspace, paths: ['a'], waitMs: 1 }],
  };
}

test('a Worker that exists runs guarded jobs and plans beside its own Workflows, Activities and plugins', async () => {
  const made = await worker({});
  const { taskQueue } = made.options;
  await made.runUntil(async () => {
    const { workflow } = temporal.client;
    const hello = await workflow.execute(greeting, {
      workflowId: temporal.unique('hello'),
      taskQueue,
      args: ['Ada', 1],
    });
    assert.equal(hello.text, 'Hello, Ada');
    const own = await workflow.execute(ownWorkflow, {
      ...jobOf(made, workspaceWith('own', { a: '123' })),
      taskQueue,
      args: [{ workspace: 'own', paths: ['a'], waitMs: 1 }],
    });
    assert.deepEqual(own, { total: 3, long: 0 });
    const note = { id: 'note', use: 'file.write', with: { path: 'n', content: 'x' } };
    const plan = { schemaVersion: 1, name: 'note', workspace: 'plan', steps: [note] };
    await workflow.execute('agentJob', { workflowId: temporal.unique('plan'), taskQueue, args: [{ plan }] });
    assert.equal(readFileSync(join(root, 'plan', 'n'), 'utf8'), 'x');
  });
  assert.ok(ran.includes('greet') && ran.includes('runStep'), ran.join());
});

test('a Worker and a Client that have the plugin encrypt what they send, whatever converter is below', async () => {
  const secret = new HoldfastPlugin({ steps, workspaceRoot: root, env: { ...env, HOLDFAST_ENCRYPTION_KEYS: KEY } });
  const made = await worker({ workflowsPath, plugins: [secret], dataConverter: dates });
  const { connection, namespace } = temporal;
  const client = new Client({ connection, namespace, plugins: [secret], dataConverter: dates });
  const workflowId = temporal.unique('hidden');
  await made.runUntil(async () => {
    const { taskQueue } = made.options;
    const at = new Date(1_000);
    const hello = await client.workflow.execute(greeting, { workflowId, taskQueue, args: ['Grace', at] });
    assert.deepEqual(hello, { text: 'Hello, Grace', at: new Date(1_001) });
    const started = await client.workflow.start(ownWorkflow, {
      ...jobOf(made, workspaceWith('hidden', { a: '12' })),
      taskQueue,
      args: [{ workspace: 'hidden', paths: ['a'], waitMs: 1 }],
    });
    // One that nobody can read is no reason for the job to stand still.
    await temporal.client.workflow.getHandle(started.workflowId).signal('decide', 'in the clear');
    assert.deepEqual(await started.result(), { total: 2, long: 0 });
  });
  assert.ok(!(await storedText(temporal, workflowId)).includes('Grace'));
});

test('two Workers of one process, with one plugin, have parts of their own', async () => {
  const both = [await worker({}), await worker({})];
  await Promise.all(
    both.map((made, number) =>
      made.runUntil(async () => {
        const { workflow } = temporal.client;
        workspaceWith(`both-${number}`, { a: 'abc' });
        const handles = await Promise.all(
          [1, 2, 3].map(() => workflow.start('ownWorkflow', jobOf(made, `both-${number}`))),
        );
        // One workspace, jobs of both Workers.
        const shared = await workflow.start('ownWorkflow', jobOf(made, 'own'));
        for (const handle of [...handles, shared]) assert.deepEqual(await handle.result(), { total: 3, long: 0 });
      }),
    ),
  );
});

test('what the plugin cannot stand beside is refused by name, before the Worker is made', async () => {
  const refused = async (options: Partial<WorkerOptions>, message: RegExp): Promise<void> => {
    await assert.rejects(worker(options), { type: 'bad-input', message });
  };
  await refused({ plugins: [holdfast, counting, holdfast] }, /^Holdfast's plugin is there twice for a Worker\.$/);
  await refused(
    { plugins: [holdfast, new HoldfastPlugin({ env })] },
    /^Holdfast's plugin is there twice for a Worker\.$/,
  );
  await refused(
    { activities: { repair: () => 'mine' } },
    /^An Activity of yours is named "repair", as one of Holdfast's is\.$/,
  );
  const encrypting = new HoldfastPlugin({ env: { HOLDFAST_ENCRYPTION_KEYS: KEY } });
  await refused({ plugins: [encrypting] }, /bundle of Workflows was made without it/);
  await refused(
    { plugins: [encrypting], workflowsPath, dataConverter: { failureConverterPath: '/their/own.js' } },
    /^Encryption is on, and there is a failure converter of yours: \/their\/own\.js\./,
  );
  assert.throws(() => new Client({ connection: temporal.connection, plugins: [holdfast, holdfast] }), {
    type: 'bad-input',
    message: "Holdfast's plugin is there twice for a Client.",
  });
  assert.throws(() => new HoldfastPlugin({ step: [] } as object), {
    type: 'bad-input',
    message: 'HoldfastPlugin was given "step", which is unknown. Did you mean "steps"?',
  });
});

test("a later plugin that has replaced the Worker's codecs is told when the Worker is to run", async () => {
  const { activities } = holdfast.configureWorker({ taskQueue: 'mine', workflowBundle });
  const options = { activities: new Map(Object.entries(activities!)), loadedDataConverter: { payloadCodecs: [] } };
  await assert.rejects(
    holdfast.runWorker({ options } as unknown as Worker, () => assert.fail('it runs')),
    { type: 'bad-input', message: /^Another plugin has replaced the Worker's codecs, and Holdfast's with them\.$/ },
  );
});
