/** What is handed on to Temporal's SDK by a configuration and the command line: plugins, metrics, lines in JSON. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { freePort } from '../../src/dev-server/ports.ts';
import { connectHoldfast } from '../../src/client.ts';
import type { PlanSource } from '../../src/model/plan/plan.ts';
import { createWorker, type WorkerOptions } from '../../src/worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { until, untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const checkout = join(import.meta.dirname, '../..');
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-passed-on-')));
const port = await freePort();
let worker: ChildProcess;
let ended: Promise<unknown>;
let [said, isReady] = ['', false];

const CONFIG = `
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { defineConfig, defineStep, implementStep, z } from ${JSON.stringify(join(checkout, 'src/index.ts'))};
const say = defineStep({ name: 'say', input: z.strictObject({ text: z.string() }), output: z.strictObject({}) });
const waitMore = defineStep({ name: 'wait-more', input: z.strictObject({}), output: z.strictObject({}) });
export default defineConfig({
  heartbeatIntervalMs: 150,
  steps: [
    implementStep(waitMore, async () => {
      // Until the test has heard of it.
      while (!existsSync('was-heard')) await delay(20);
      return {};
    }),
    implementStep(say, (ctx, { text }) => {
      // Job and chain number are not the step's to say.
      ctx.log(text, { length: text.length, seq: 99, workflowId: 'another' });
      return {};
    }),
  ],
  temporal: {
    activities: { greet: (name) => Promise.resolve('Hello, ' + name) },
    plugins: [{ name: 'telling', configureWorker: (options) => (process.stderr.write('telling plugin\\n'), options) }],
    shutdownGraceTime: '1s',
  },
});
`;

before(async () => {
  writeFileSync(join(root, 'holdfast.config.mjs'), CONFIG);
  const program = join(checkout, 'src/cli.ts');
  const args = ['worker', '-q', taskQueue, '--prometheus', `127.0.0.1:${port}`, '--log-format', 'json', '--json'];
  worker = spawn(process.execPath, ['--conditions=holdfast-source', program, ...args], {
    cwd: root,
    env: { ...process.env, ...temporal.env, HOLDFAST_STATE_DIR: join(root, 'state') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  ended = once(worker, 'close');
  worker.stderr!.on('data', (chunk) => (said += String(chunk)));
  worker.stdout!.on('data', () => (isReady = true));
  await Promise.race([untilTrue(() => isReady), ended]);
  assert.ok(isReady, said);
});

after(async () => {
  worker.kill('SIGTERM');
  await ended;
  rmSync(root, { recursive: true, force: true });
});

test("a configuration's plugins are the Worker's; its metrics are served; its lines are JSON", async () => {
  const plan = {
    schemaVersion: 1,
    name: 'said',
    workspace: 'said',
    steps: [{ id: 'hello', use: 'say', with: { text: 'good day' } }],
  };
  const workflowId = temporal.unique('job');
  await temporal.client.workflow.execute('agentJob', { workflowId, taskQueue, args: [{ plan }] });
  assert.match(said, /^telling plugin$/m);
  // Lines are held back for a moment, to be put in order.
  await untilTrue(() => said.includes('"activityType":"release"'));
  const lines = said.split('\n').filter((line) => line.startsWith('{'));
  const ofStep = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ step }) => step === 'hello');
  const told = ofStep.map(({ job, step, message, level, seq, length }) => [job, step, message, level, seq, length]);
  assert.deepEqual(told, [
    [workflowId, 'hello', 'Activity started', 'DEBUG', undefined, undefined],
    [workflowId, 'hello', 'good day', 'INFO', 2, 8],
    [workflowId, 'hello', 'Activity completed', 'DEBUG', 4, undefined],
  ]);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(
    metrics,
    new RegExp(`^temporal_activity_execution_latency_count\\{[^}]*activity_type="runStep"[^}]*\\} \\d`, 'm'),
  );
});

test("a configuration's step is heard of as often as the configuration says", async () => {
  const steps = [{ id: 'wait', use: 'wait-more', with: {} }];
  const plan = { schemaVersion: 1, name: 'heard', workspace: 'heard', steps };
  const workflowId = temporal.unique('heard');
  const handle = await temporal.client.workflow.start('agentJob', { workflowId, taskQueue, args: [{ plan }] });
  const { lastStartedTime, lastHeartbeatTime } = await until(
    async () => (await handle.describe()).raw.pendingActivities?.[0] ?? {},
    (pending) => pending.lastHeartbeatTime != null,
  );
  writeFileSync(join(root, 'was-heard'), '');
  const afterMs = tsToMs(lastHeartbeatTime) - tsToMs(lastStartedTime);
  assert.ok(afterMs < 900, `${afterMs} ms; a second by default`);
  await handle.result();
});

test("a client's interceptors see its calls", async () => {
  const started: unknown[] = [];
  const { env } = temporal;
  await using client = await connectHoldfast({
    env: { ...process.env, ...env },
    interceptors: { workflow: [{ start: (input, next) => (started.push(input.options.workflowId), next(input)) }] },
  });
  const steps = [{ id: 'wait', use: 'wait', with: { seconds: 1 } }];
  const plan: PlanSource = { schemaVersion: 1, name: 'seen', workspace: 'seen', steps };
  const { workflowId } = await client.start(plan, { taskQueue: temporal.unique('nobody') });
  assert.deepEqual(started, [workflowId]);
  for (const [given, message] of [
    [{ interceptor: {} }, /^connectHoldfast was given "interceptor", .* "interceptors"\?$/],
    [{ interceptors: { workflows: [] } }, /^interceptors of connectHoldfast was given "workflows", .* "workflow"\?$/],
  ] as const)
    await assert.rejects(connectHoldfast({ env: {}, ...given } as object), { type: 'bad-input', message });
});

test('options that contradict each other are refused by name, before anything is connected', async () => {
  const refused = async (options: WorkerOptions, message: RegExp): Promise<void> => {
    await assert.rejects(createWorker({ address: '127.0.0.1:1', env: {}, ...options }), { type: 'bad-input', message });
  };
  const tuner = {} as NonNullable<NonNullable<WorkerOptions['temporal']>['tuner']>;
  await refused({ temporal: { tuner }, maxConcurrentSteps: 3 }, /temporal\.tuner and maxConcurrentSteps are both set/);
  await refused({ temporal: { taskQueue: 'mine' } as object }, /temporal\.taskQueue is set/);
  const workflowBundle = { code: '', sourceMap: '' };
  await refused({ workflowBundle, workflowsPath: 'w.ts' }, /workflowBundle and workflowsPath are both set/);
  const version = { deploymentName: '', buildId: '1' };
  await refused(
    {
      temporal: {
        workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' },
      },
    },
    /turn Worker Versioning on without a deployment name/,
  );
  await refused({ temporal: { plugns: [] } as object }, /"plugns", which is unknown\. Did you mean "plugins"\?/);
  await refused({ telemetry: { metric: {} } as object }, /"metric", which is unknown\. Did you mean "metrics"\?/);
  const taken = createServer();
  await new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve));
  const bindAddress = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  const message = new RegExp(
    `can't begin with this telemetry \\(metrics at ${bindAddress}\\): .*[Aa]ddress already in use`,
  );
  await refused({ telemetry: { metrics: { prometheus: { bindAddress } } } }, message);
  taken.close();
  await refused({ logFormat: 'xml' as 'json' }, /logFormat is "xml"\. Expected "text" or "json"\./);
});
