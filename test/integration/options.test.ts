/**
 * Wrong options of `openJob`, `job.step`, `agentJob` and the client's calls are refused at once; what a worker and a
 * client are given has its effect, on a real server.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, mock, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, WorkflowFailedError } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { NativeConnection } from '@temporalio/worker';
import * as z from 'zod';
import { connectHoldfast, HoldfastClient } from '../../src/client.ts';
import { defineStep, implementStep, type PlanSource } from '../../src/index.ts';
import { createWorker, type HoldfastWorker } from '../../src/worker.ts';
import { installRuntime } from '../../src/worker/log.ts';
import { anyOptions } from '../support/any-options-workflow.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const { address, namespace } = temporal;
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-options-'));
const LIMIT = { timeout: 60_000 };
const writing = { id: 'write', use: 'file.write', with: { path: 'a.txt', content: 'a' } };

const nothing = z.strictObject({});
let running = 0;
let most = 0;
const alone = implementStep(defineStep({ name: 'alone', input: nothing, output: nothing }), async () => {
  most = Math.max(most, ++running);
  await delay(100);
  running--;
  return {};
});

const says = implementStep(defineStep({ name: 'says', input: nothing, output: nothing }), (ctx) => {
  ctx.log('good day');
  return {};
});

/** Ends when the server has heard of it, and says after how long. */
const heard = implementStep(
  defineStep({ name: 'heard', input: z.strictObject({}), output: z.strictObject({ afterMs: z.number() }) }),
  async (ctx) => {
    const handle = temporal.client.workflow.getHandle(ctx.jobId.split('@')[0]!);
    const { lastStartedTime, lastHeartbeatTime } = await until(
      async () => (await handle.describe()).raw.pendingActivities?.[0] ?? {},
      (pending) => pending.lastHeartbeatTime != null,
    );
    return { afterMs: tsToMs(lastHeartbeatTime) - tsToMs(lastStartedTime) };
  },
);

let worker: HoldfastWorker;
let ended: Promise<void>;
let client: HoldfastClient;
let connection: NativeConnection;
let clientConnection: Connection;

before(async () => {
  // As a worker does that makes its connection itself.
  installRuntime({});
  connection = await NativeConnection.connect({ address: temporal.address });
  clientConnection = await Connection.connect({ address: temporal.address });
  worker = await createWorker({
    // Nothing is there: what is given in its place is used.
    address: '127.0.0.1:1',
    connection,
    clientConnection,
    namespace: temporal.namespace,
    taskQueue,
    workspaceRoot: root,
    steps: [alone, heard, says],
    heartbeatIntervalMs: 100,
    workflowsPath: new URL('../support/any-options-workflow.ts', import.meta.url).pathname,
    identity: 'a name for people',
    maxConcurrentSteps: 1,
    outagePatienceMs: 0,
    env: { HOLDFAST_STATE_DIR: join(root, 'state'), AWAY_URL: 'postgres://nobody:secret@127.0.0.1:1/none' },
  });
  ended = worker.run();
  client = await connectHoldfast({ address, namespace, taskQueue, queryTimeoutMs: 2_000 });
});

after(async () => {
  await client.close();
  rmSync(root, { recursive: true, force: true });
});

const DATABASES = { main: 'sqlite:main.db' };
const QUERY = { kind: 'query', name: 'n', database: 'main', sql: 'SELECT 1', params: [] };

/** What a job fails with that is given these options; undefined: it doesn't. */
async function failureOf(job: object, step: object = {}): Promise<string | undefined> {
  const workspace = temporal.unique('options');
  const handle = await temporal.client.workflow.start(anyOptions, {
    workflowId: workspace,
    taskQueue,
    args: [{ workspace, ...job }, step],
  });
  try {
    await handle.result();
  } catch (error) {
    assert.ok(error instanceof WorkflowFailedError);
    assert.equal(existsSync(join(root, workspace, 'a.txt')), false);
    return error.cause?.message;
  }
  assert.equal(readFileSync(join(root, workspace, 'a.txt'), 'utf8'), 'a');
  return undefined;
}

test('options of openJob that are misspelled or of a wrong form fail the job at once', LIMIT, async () => {
  for (const [options, message] of [
    [{ verifyAfter: 5 }, /^openJob was given .*verifyAfter: unknown field.*did you mean "verifyAfterMs"\?/],
    [{ watch: [{ kind: 'file', pth: 'a' }] }, /^openJob was given .*watch\[0\]\.path: is missing/],
    [{ watch: [{ kind: 'file', path: '../a' }] }, /watch\[0\]\.path.*leads out of the workspace/],
    [{ watch: [{ kind: 'file', path: 'a{1..3}' }] }, /watch\[0\]\.path.*holds the range/],
    [{ databases: DATABASES, watch: [QUERY, QUERY] }, /watch\[1\]\.name: "n" is already the name of watch\[0\]/],
    [{ watch: [{ ...QUERY, database: 'other' }] }, /watch\[0\]\.database.*other/],
    [{ heartbeatTimeoutMs: 4_999 }, /^openJob was given .*heartbeatTimeoutMs: is out of range/],
    [{ verifyAfterMs: -1 }, /^openJob was given .*verifyAfterMs: is out of range/],
    [{ databases: { main: 5 } }, /^openJob was given .*databases\.main: has the wrong type/],
    [{ http: { hosts: ['a b'] } }, /^openJob was given hosts that cannot be called/],
  ] as const)
    assert.match((await failureOf(options)) ?? 'it has not failed', message);
});

test('options of a step that are misspelled or of a wrong form fail the job at once', LIMIT, async () => {
  for (const [options, message] of [
    [{ timeout: 5 }, /^Step write was given .*timeout: unknown field.*did you mean "timeoutMs"\?/],
    [{ retry: { maxAttempts: 0 } }, /^Step write was given .*retry\.maxAttempts: is out of range/],
    [{ retry: { initialIntervalMs: 9, maxIntervalMs: 1 } }, /^Step write was given .*longer than maxIntervalMs/],
    [{ approval: 'yes' }, /^Step write was given .*approval: is not one of/],
    [{ resume: { atMost: 0 } }, /^Step write was given .*resume\.atMost: is out of range/],
  ] as const)
    assert.match((await failureOf({}, { id: 'write', ...options })) ?? 'it has not failed', message);
});

test('options that are right, in part or absent, are taken', LIMIT, async () => {
  const job = { verifyAfterMs: 0, name: undefined, secrets: [], watch: [{ kind: 'file', path: 'b' }] };
  assert.equal(
    await failureOf(job, { retry: { maxAttempts: 2 }, timeoutMs: 5_000, uses: [], id: undefined }),
    undefined,
  );
});

test('client.start refuses an option that it does not know, and takes steps with or without their code', async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
  const plan = { schemaVersion: 1 as const, name: 'p', workspace: 'p', steps: [{ id: 'a', use: 'pai', with: {} }] };
  const contract = defineStep({ name: 'pay', input: z.strictObject({}), output: z.strictObject({}) });
  const misspelled = { workflowID: 'x', workspace: 'w' };
  await assert.rejects(client.start(plan, misspelled), {
    type: 'bad-input',
    message: 'client.start was given "workflowID", which is unknown. Did you mean "workflowId"?',
  });
  for (const step of [contract, implementStep(contract, () => ({}))])
    await assert.rejects(client.start(plan, { knownSteps: [step] }), {
      type: 'bad-plan',
      message: /did you mean "pay"\?/,
    });
  const unusable = [{ nam: 'pay' }] as unknown as readonly (typeof contract)[];
  await assert.rejects(client.start(plan, { knownSteps: unusable }), {
    type: 'bad-input',
    message: /^knownSteps\[0\] is no step/,
  });
});

test('a call of the client that is given what it does not know is refused before anybody is asked', async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
  const by = { by: 'ada@example.com', reason: 'test' };
  // As a program without types calls it. There is no such job: whoever asked for it would be told so.
  const any = client as unknown as Record<string, (...given: readonly unknown[]) => Promise<unknown>>;
  for (const [call, given, message] of [
    ['list', [{ stat: 'running' }], /^client.list was given "stat", which is unknown. Did you mean "state"\?/],
    ['list', [{ state: 'runing' }], /^client.list was given state "runing". Expected one of running, waiting/],
    ['list', [{ limit: 0 }], /^client.list was given limit 0. Expected a whole number/],
    ['list', [null], /^client.list was given null where options belong. Expected an object with state, limit/],
    ['decide', ['none', { ...by, answr: 'accept' }], /^client.decide was given "answr".*"answer"\?/],
    ['decide', ['none', { ...by, answer: 'accept' }, { vai: 'signal' }], /^client.decide was given "vai".*"via"\?/],
    ['decide', ['none', { ...by, answer: 'accept' }, { via: 'signl' }], /via "signl". Expected one of update, signal/],
    ['preview', ['none', { ...by, answr: 'accept' }], /^client.preview was given "answr".*"answer"\?/],
    ['cancel', ['none', { wiat: true }], /^client.cancel was given "wiat".*"wait"\?/],
    ['abort', ['none', by, { wiat: true }], /^client.abort was given "wiat".*"wait"\?/],
    ['abort', ['none', { ...by, compensat: true }], /"compensat" is unknown. Did you mean "compensate"\?/],
    ['result', ['none', { wiat: true }], /^client.result was given "wiat".*"wait"\?/],
  ] as const)
    await assert.rejects(async () => await any[call]!(...given), { type: 'bad-input', message });
  const interval: object = { intervalMS: 5 };
  assert.throws(() => client.watch('none', interval), {
    type: 'bad-input',
    message: /^client.watch was given "intervalMS".*"intervalMs"\?/,
  });
  const { temporal: own, address } = client;
  const queue = { ...own, address, taskQeue: 'mine' };
  assert.throws(() => new HoldfastClient(queue), { type: 'bad-input', message: /"namespace"|"taskQeue"/ });
});

test('what agentJob is started with and does not know, or cannot use, fails the job at once', LIMIT, async () => {
  const plan = { schemaVersion: 1, name: 'p', workspace: 'unused', steps: [writing] };
  const unlooked = { type: 'object', properties: { list: { type: 'array', minItems: 1 } } };
  const newer = /A field of a newer client needs workers that new/;
  for (const [args, message] of [
    [[{ plan, inputs: {} }], /^agentJob was given .*inputs: unknown field.*did you mean "input"\?/],
    [[{ plan, inputs: {} }], newer],
    [[{ plan, workspace: null }], /^agentJob was given .*workspace: has the wrong type; expected text; found null/],
    [[{ plan, continueAsNewAfterEvents: 0 }], /continueAsNewAfterEvents: is out of range/],
    [[{ plan: { ...plan, input: unlooked } }], /input\.properties\.list\.minItems: "minItems" means nothing without/],
    [[{ plan }, { input: {} }], /It takes one argument; found 2/],
    [[], /It is missing; expected an object/],
  ] as const) {
    const workflowId = temporal.unique('fields');
    const handle = await temporal.client.workflow.start('agentJob', { workflowId, taskQueue, args: [...args] });
    await assert.rejects(handle.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      assert.match(error.cause?.message ?? '', message);
      return true;
    });
    assert.equal(existsSync(join(root, 'unused')), false);
  }
});

test('a job that was under way before its fields were looked at goes on in its next Run', LIMIT, async () => {
  const workspace = temporal.unique('fields');
  const given = { plan: { schemaVersion: 1, name: 'p', workspace, steps: [writing] }, inputs: {} };
  const handle = await temporal.client.workflow.start('continuesAsAgentJob', {
    workflowId: workspace,
    taskQueue,
    args: [given],
  });
  await handle.result();
  assert.equal(readFileSync(join(root, workspace, 'a.txt'), 'utf8'), 'a');
});

const planOf = (fields: Partial<PlanSource> = {}): PlanSource => ({
  schemaVersion: 1,
  name: 'given',
  workspace: temporal.unique('given'),
  steps: ['a', 'b', 'c'].map((id) => ({ id, use: 'alone' })),
  ...fields,
});

test('a worker runs as many steps at once as it is told, under its name, and one’s own Workflows', LIMIT, async () => {
  const { workflowId } = await client.start(planOf());
  assert.equal((await client.result(workflowId, { wait: true })).outcome, 'completed');
  assert.equal(most, 1);
  const { activity } = await client.workers();
  assert.deepEqual([...new Set(activity.map(({ identity }) => identity))], ['a name for people']);
  const workspace = temporal.unique('own');
  await temporal.client.workflow.execute(anyOptions, { workflowId: workspace, taskQueue, args: [{ workspace }] });
});

test('a step is heard of as often as the worker is told, and silence counts as the plan says', LIMIT, async () => {
  const plan = planOf({ heartbeatTimeoutMs: 45_000, steps: [{ id: 'heard', use: 'heard' }] });
  const { workflowId } = await client.start(plan, { workspace: temporal.unique('heard') });
  const ended = await client.result(workflowId, { wait: true });
  assert.ok(ended.outcome === 'completed');
  const { outputs } = ended.result as { readonly outputs: { readonly heard: { readonly afterMs: number } } };
  assert.ok(outputs.heard.afterMs < 900, `${outputs.heard.afterMs} ms; a second by default`);
  assert.deepEqual(await heartbeatTimeoutsOf(workflowId), [45_000]);
});

test('silence counts as a Workflow of one’s own says to openJob, for that job alone', LIMIT, async () => {
  for (const [job, timeoutMs] of [
    [{ heartbeatTimeoutMs: 25_000 }, 25_000],
    [{}, 10_000],
  ] as const) {
    const workspace = temporal.unique('silence');
    const args: Parameters<typeof anyOptions> = [{ workspace, ...job }];
    await temporal.client.workflow.execute(anyOptions, { workflowId: workspace, taskQueue, args });
    assert.deepEqual(await heartbeatTimeoutsOf(workspace), [timeoutMs]);
  }
});

/** Of its Activities, each once. */
async function heartbeatTimeoutsOf(workflowId: string): Promise<readonly number[]> {
  const { events } = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
  const scheduled = events!.flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
  return [...new Set(scheduled.map(({ heartbeatTimeout }) => tsToMs(heartbeatTimeout)))];
}

test('a line of the log in text has job, step and the place in the record', LIMIT, async () => {
  const lines: string[] = [];
  const writing = mock.method(process.stderr, 'write', (line: string) => lines.push(line) > 0);
  try {
    const { workflowId } = await client.start(planOf({ steps: [{ id: 'greet', use: 'says' }] }));
    const [line] = await until(
      () => lines.filter((text) => text.includes('good day')),
      (found) => found.length > 0,
    );
    await client.result(workflowId, { wait: true });
    assert.match(line!, new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z INFO ${workflowId} greet #2: good day\\n$`));
  } finally {
    writing.mock.restore();
  }
});

test('a heartbeat interval or timeout that cannot be kept is refused', LIMIT, async () => {
  for (const heartbeatIntervalMs of [0, -1, 99, 600_001, 1.5, Number.NaN])
    await assert.rejects(createWorker({ env: {}, heartbeatIntervalMs }), {
      type: 'bad-input',
      message:
        /^createWorker: heartbeatIntervalMs is .*\. Expected a whole number of milliseconds between 100 and 600000\.$/,
    });
  for (const heartbeatTimeoutMs of [0, 4_999, 86_400_001])
    await assert.rejects(client.start(planOf({ heartbeatTimeoutMs })), {
      type: 'bad-plan',
      message: /heartbeatTimeoutMs/,
    });
});

test('a worker that has no patience with an outage asks at once', LIMIT, async () => {
  const databases = { away: { url: '${{ env.AWAY_URL }}' } };
  const { workflowId } = await client.start(planOf({ databases }), { workspace: temporal.unique('away') });
  const beganAt = Date.now();
  const [question] = await until(
    () => client.questions(workflowId),
    (questions) => questions.length > 0,
  );
  assert.equal(question!.kind, 'unverifiable');
  assert.ok(Date.now() - beganAt < 10_000, 'half a minute would be waited by default');
  const { jobs } = await until(
    () => client.list({ state: 'waiting', limit: 1 }),
    (listing) => listing.jobs.length > 0,
  );
  assert.deepEqual(
    jobs.map((job) => job.workflowId),
    [workflowId],
  );
  // Its end would wait for the database.
  await temporal.client.workflow.getHandle(workflowId).terminate();
});

test('a client waits for a worker’s answer as long as it is told, and a watch tells its trouble', LIMIT, async () => {
  const { workflowId } = await client.start(planOf(), { taskQueue: temporal.unique('nobody'), workflowId: 'nobody' });
  assert.equal(workflowId, 'nobody');
  const beganAt = Date.now();
  await assert.rejects(client.status(workflowId), { type: 'no-worker' });
  assert.ok(Date.now() - beganAt < 5_000, 'fifteen seconds would be waited by default');
  const abort = new AbortController();
  const troubles: string[] = [];
  const watch = client.watch(workflowId, {
    intervalMs: 10,
    signal: abort.signal,
    onTrouble: ({ type }) => {
      troubles.push(type);
      abort.abort();
    },
  });
  for await (const status of watch) assert.fail(status.state);
  assert.deepEqual(troubles, ['no-worker']);
  await temporal.client.workflow.getHandle(workflowId).terminate();
});

test('a client takes address and namespace from a profile, and names what it cannot use', async () => {
  const file = join(root, 'temporal.toml');
  writeFileSync(file, `[profile.mine]\naddress = "${temporal.address}"\nnamespace = "${temporal.namespace}"\n`);
  const env = { TEMPORAL_CONFIG_FILE: file };
  await using mine = await connectHoldfast({ env, profile: 'mine' });
  assert.deepEqual([mine.address, mine.namespace], [temporal.address, temporal.namespace]);
  await assert.rejects(connectHoldfast({ env, profile: 'mine', encryptionKeyFile: join(root, 'none') }), {
    type: 'bad-input',
    message: /none/,
  });
});

test('a client waits for a connection as long as it is told, and encrypts it where it has an API key', async () => {
  const first: string[] = [];
  const open = new Set<Socket>();
  // It takes connections, and answers nothing.
  const silent = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (bytes) => first.push(bytes[0] === 0x16 ? 'TLS' : 'plain'));
  });
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
  const silentAt = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const beganAt = Date.now();
  for (const more of [{}, { apiKey: 'key' }])
    await assert.rejects(connectHoldfast({ address: silentAt, env: {}, connectTimeoutMs: 300, ...more }), {
      type: 'server-unreachable',
    });
  assert.ok(Date.now() - beganAt < 5_000, 'five seconds each would be waited by default');
  assert.deepEqual([...new Set(first)], ['plain', 'TLS']);
  for (const socket of open) socket.destroy();
  silent.close();
});

test('connections that a worker was given stay open when it has ended', LIMIT, async () => {
  worker.shutdown();
  await ended;
  assert.ok((await clientConnection.workflowService.getSystemInfo({})).serverVersion);
  await clientConnection.close();
  // It would be refused to a connection that is closed already.
  await connection.close();
});
