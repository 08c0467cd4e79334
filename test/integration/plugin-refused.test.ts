/** What would go wrong later without a word is refused by name: when a Worker or Client is made, or when it runs. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, type ClientOptions, type ClientPlugin } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
  type WorkerPlugin,
} from '@temporalio/worker';
import { ENCODED_FAILURES } from '../../src/codec/failure-converter.ts';
import { isFailure } from '../../src/model/failure.ts';
import { HoldfastPlugin } from '../../src/plugin.ts';
import { implementStep } from '../../src/model/step/step.ts';
import { createWorker } from '../../src/worker.ts';
import { testBundle } from '../support/bundle.ts';
import { greetingActivities } from '../support/greeting-activities.ts';
import { measureStep, summariseStep } from '../support/own-workflow.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const temporal = await testTemporal();
const { connection, namespace } = temporal;
const root = mkdtempSync(join(tmpdir(), 'holdfast-refused-'));
const env = { HOLDFAST_STATE_DIR: join(root, 'state') };
const encrypted = { ...env, HOLDFAST_ENCRYPTION_KEYS: 'test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' };
const steps = [
  implementStep(measureStep, async (ctx, { path }) => ({ length: (await ctx.files.readText(path)).length })),
  implementStep(summariseStep, (_, { lengths }) => Promise.resolve({ total: lengths.length })),
];
const holdfast = new HoldfastPlugin({ steps, workspaceRoot: root, env });
const withoutPlans = new HoldfastPlugin({ env, agentJob: false });
const workflowsPath = fileURLToPath(new URL('../support/greeting-workflow.ts', import.meta.url));
const logger = new DefaultLogger('ERROR');
const fitting = await testBundle(workflowsPath);
/** With a guarded Workflow, made without the plugin. */
const bare = await bundleWorkflowCode({ workflowsPath, logger });

after(() => rmSync(root, { recursive: true, force: true }));

async function worker(given: Partial<WorkerOptions>): Promise<Worker> {
  return await Worker.create({
    connection: await temporal.nativeConnection(),
    namespace,
    taskQueue: temporal.unique('queue'),
    activities: greetingActivities,
    workflowBundle: fitting,
    plugins: [holdfast],
    ...given,
  });
}

/** Sets what it is given in a Worker's or Client's options, whatever is there. */
function replacing(set: Partial<WorkerOptions & ClientOptions>): WorkerPlugin & ClientPlugin {
  return {
    name: 'replacing',
    configureWorker: (options) => ({ ...options, ...set }),
    configureClient: (options) => ({ ...options, ...set }) as ClientOptions,
  };
}

test('a bundle with a guarded job that was made without the plugin is refused when the Worker is made', async () => {
  const codePath = join(root, 'bundle.js');
  writeFileSync(codePath, bare.code);
  const lacks = /^The bundle of Workflows lacks Holdfast's module of .* and Holdfast's payload converter\. It was/;
  for (const workflowBundle of [bare, { codePath }])
    await assert.rejects(worker({ workflowBundle, plugins: [withoutPlans] }), { type: 'bad-input', message: lacks });
  const lacksAll =
    /^The bundle of Workflows lacks Holdfast's module [^,]*, Holdfast's payload converter and `agentJob`, which runs/;
  await assert.rejects(worker({ workflowBundle: bare }), { type: 'bad-input', message: lacksAll });
  await assert.rejects(createWorker({ workflowBundle: bare, address: '127.0.0.1:1', env }), { message: lacksAll });
  const histories = Worker.runReplayHistories({ workflowBundle: bare, plugins: [holdfast] }, []);
  await assert.rejects(histories.next(), { message: lacksAll });
});

test('a bundle that lacks one of the parts is refused by the name of the part', () => {
  const without = (mark: string): WorkerOptions => ({
    taskQueue: 'mine',
    workflowBundle: { code: fitting.code.replaceAll(mark, '') },
  });
  const refused = (mark: string, message: RegExp): void => {
    assert.throws(() => holdfast.configureWorker(without(mark)), { type: 'bad-input', message });
  };
  refused('holdfast:interceptors-are-here', /lacks Holdfast's module of Workflow interceptors\. /);
  refused('binary/holdfast-unreadable', /lacks Holdfast's payload converter\. /);
  refused('holdfast:agent-job-is-here', /lacks `agentJob`, which runs plans\. /);
  withoutPlans.configureWorker(without('holdfast:agent-job-is-here'));
});

test('a module that cannot be loaded once for all Workflows is refused by name while the bundle is made', async () => {
  const brings = async (module: string, what: RegExp): Promise<void> => {
    const bundling = bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../support/preloaded.ts', import.meta.url)),
      logger,
      plugins: [withoutPlans],
      preloadModules: [module],
    });
    await assert.rejects(bundling, (error: Error) => {
      assert.ok(error.message.startsWith(`preloadModules: "${module}" brings in `), error.message);
      assert.match(error.message, what);
      return isFailure(error, 'bad-input');
    });
  };
  await brings(
    fileURLToPath(new URL('../support/own-workflow.ts', import.meta.url)),
    / modules of Holdfast's, in which/,
  );
  await brings('zod', / zod, which cannot run once it is preloaded/);
});

test('Workflows that have nothing of Holdfast’s need nothing of it in their bundle', () => {
  const workflowBundle = { code: 'exports.mine = () => 1;' };
  assert.equal(withoutPlans.configureWorker({ taskQueue: 'mine', workflowBundle }).workflowBundle, workflowBundle);
  assert.throws(
    () => holdfast.configureWorker({ taskQueue: 'mine', workflowBundle }),
    (error: Error) => {
      assert.match(String((error as { details?: { nextStep?: string } }).details?.nextStep), /agentJob: false\.$/);
      return true;
    },
  );
});

test('a guarded job in a bundle without its parts waits and says why, and goes on in one that has them', async () => {
  const workflowId = temporal.unique('waits');
  mkdirSync(join(root, workflowId));
  writeFileSync(join(root, workflowId, 'a'), '123');
  const plain = await worker({ workflowBundle: bare, plugins: [] });
  const { taskQueue } = plain.options;
  const args = [{ workspace: workflowId, paths: ['a'], waitMs: 1 }];
  // What the first Worker takes while it ends comes to nobody: it is given to the second after this time.
  const limits = { workflowTaskTimeout: '1s' } as const;
  const job = await temporal.client.workflow.start('ownWorkflow', { workflowId, taskQueue, args, ...limits });
  const why =
    "A guarded job cannot run in this bundle of Workflows, which lacks Holdfast's module of Workflow interceptors " +
    "and Holdfast's payload converter. The job waits.";
  await plain.runUntil(async () => {
    await until(
      async () => {
        const { events } = await job.fetchHistory();
        return events?.map(({ workflowTaskFailedEventAttributes: failed }) => failed?.failure?.message ?? '').join('');
      },
      (told) => told?.startsWith(why) === true,
    );
  });
  const made = await worker({ taskQueue });
  await made.runUntil(async () => assert.deepEqual(await job.result(), { total: 1, long: 0 }));
});

test('a plugin behind Holdfast’s that takes away what it has set is refused when the Worker is made', async () => {
  const refused = async (by: HoldfastPlugin, set: Partial<WorkerOptions>, message: RegExp): Promise<void> => {
    await assert.rejects(worker({ plugins: [by, replacing(set)] }), { type: 'bad-input', message });
  };
  await refused(holdfast, { activities: greetingActivities }, /^Another plugin has replaced Holdfast's Activities of/);
  await refused(holdfast, { dataConverter: {} }, /^Another plugin has replaced the Worker's codecs, and Holdfast's/);
  const keyed = new HoldfastPlugin({ env: encrypted });
  const failures = replacing({});
  failures.configureWorker = ({ dataConverter, ...options }) => ({
    ...options,
    dataConverter: { payloadCodecs: dataConverter?.payloadCodecs ?? [] },
  });
  await assert.rejects(
    worker({ workflowBundle: { code: `${fitting.code}//${ENCODED_FAILURES}` }, plugins: [keyed, failures] }),
    {
      type: 'bad-input',
      message: /^Another plugin has replaced the Worker's failure converter, and Holdfast's with it\.$/,
    },
  );
});

test('a plugin behind Holdfast’s that takes away what it has set is refused when the Client is made', () => {
  const made = (by: HoldfastPlugin, ...others: ClientPlugin[]): Client =>
    new Client({ connection, namespace, plugins: [by, ...others] });
  const keyed = new HoldfastPlugin({ env: encrypted });
  const codecs = {
    type: 'bad-input',
    message: /^Another plugin has replaced the Client's codecs, and Holdfast's with/,
  };
  assert.throws(() => made(holdfast, replacing({ dataConverter: {} })), codecs);
  assert.throws(() => made(keyed, replacing({ dataConverter: {} })), codecs);
  const failures = {
    name: 'failures',
    configureClient: ({ dataConverter, ...options }: ClientOptions) => {
      const { failureConverterPath: _, ...others } = dataConverter ?? {};
      return { ...options, dataConverter: others };
    },
  };
  assert.throws(() => made(keyed, failures), {
    type: 'bad-input',
    message: /^Another plugin has replaced the Client's failure converter, and Holdfast's with it\.$/,
  });
  made(holdfast, failures);
  // What is set before Holdfast has its turn stays, below the encryption.
  new Client({ connection, namespace, plugins: [replacing({ dataConverter: {} }), keyed] });
});

test('half a version and one that contradicts itself are refused by the name of what the program calls', async () => {
  const version = { deploymentName: 'reports', buildId: '1' };
  const on = { useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED', version } as const;
  const configured = (given: object, more: object = {}): WorkerOptions =>
    holdfast.configureWorker({
      taskQueue: 'mine',
      workflowBundle: fitting,
      workerDeploymentOptions: given as typeof on,
      ...more,
    });
  for (const [given, message] of [
    [{ ...on, version: { buildId: '1' } }, / turn Worker Versioning on without a deployment name: version is \{"build/],
    [
      { ...on, version: { deploymentName: 'reports' } },
      / without a build id: version is \{"deploymentName":"reports"\}/,
    ],
    [{ ...on, version: undefined }, / without a deployment name and a build id: version is \{\}\.$/],
    [{ ...on, version: { ...version, deploymentName: '__a' } }, /: the server takes no deployment name like "__a"\.$/],
    [{ ...on, defaultVersioningBehavior: 'pinned' }, /\.defaultVersioningBehavior is "pinned"\.$/],
    [{ useWorkerVersioning: true, version }, /\.defaultVersioningBehavior is undefined\.$/],
    [{ ...on, useWorkerVersioning: false }, / say "PINNED" without turning Worker Versioning on\.$/],
    [{ version }, / have a version, and useWorkerVersioning is undefined\.$/],
    [7, / are 7\.$/],
  ] as const) {
    assert.throws(() => configured(given as object), { type: 'bad-input', message });
    assert.throws(() => configured(given as object), { message: /^Worker\.create: workerDeploymentOptions/ });
  }
  for (const older of [{ buildId: '1' }, { useVersioning: true }])
    assert.throws(() => configured(on, older), {
      message: /^Worker\.create: \w+ and workerDeploymentOptions are both /,
    });
  for (const given of [on, { useWorkerVersioning: false, version }])
    assert.deepEqual(configured(given).workerDeploymentOptions, given);
  const behind = replacing({ workerDeploymentOptions: { ...on, version: { deploymentName: '', buildId: '1' } } });
  await assert.rejects(worker({ plugins: [holdfast, behind] }), { type: 'bad-input', message: /without a deployment/ });
});

test('the plugin beside createWorker’s own is refused by name, wherever it comes from', async () => {
  const { address } = temporal;
  const twice = { type: 'bad-input', message: /^Holdfast's plugin is there twice for a Worker\.$/ };
  await assert.rejects(
    createWorker({ address, namespace, env, workflowBundle: fitting, temporal: { plugins: [holdfast] } }),
    twice,
  );
  const handing = await NativeConnection.connect({ address, plugins: [holdfast] });
  try {
    await assert.rejects(
      createWorker({ connection: handing, clientConnection: connection, namespace, env, workflowBundle: fitting }),
      twice,
    );
  } finally {
    await handing.close();
  }
});

test('options of the plugin that are no values for their names are refused, with what is expected and found', () => {
  const refused = (options: object, message: string): void => {
    assert.throws(() => new HoldfastPlugin({ env, ...options }), { type: 'bad-input', message });
  };
  const listed = 'Expected a list of what implementStep(contract, code) returns.';
  refused({ steps: steps[0] }, `HoldfastPlugin: steps is an object. ${listed}`);
  refused(
    { steps: [...steps, measureStep] },
    `HoldfastPlugin: steps is a list whose entry 2 is a contract without code. ${listed}`,
  );
  refused({ steps: ['measure'] }, `HoldfastPlugin: steps is a list whose entry 0 is no step. ${listed}`);
  refused({ workspaceRoot: '' }, "HoldfastPlugin: workspaceRoot is ''. Expected the path of a folder.");
  refused({ encryptionKeyFile: 7 }, 'HoldfastPlugin: encryptionKeyFile is 7. Expected the path of a file.');
  refused({ env: null }, 'HoldfastPlugin: env is null. Expected an object of names and values, as process.env.');
  refused(
    { outagePatienceMs: -1 },
    'HoldfastPlugin: outagePatienceMs is -1. Expected a whole number of milliseconds, 0 or more.',
  );
  refused({ agentJob: 'no' }, 'HoldfastPlugin: agentJob is "no". Expected true or false.');
  refused({ agentjob: false }, 'HoldfastPlugin was given "agentjob", which is unknown. Did you mean "agentJob"?');
  refused(
    { env: { HOLDFAST_ENCRYPTION_KEYS: 'a', HOLDFAST_ENCRYPTION_KEY_FILE: 'b' } },
    'HOLDFAST_ENCRYPTION_KEYS and HOLDFAST_ENCRYPTION_KEY_FILE are both set; only one of them can say what the keys ' +
      'are.',
  );
  assert.throws(() => new HoldfastPlugin([] as object), {
    message: /^HoldfastPlugin was given a list where options belong\. Expected an object with steps, workspaceRoot, /,
  });
});
