/**
 * Encrypted jobs on a real server: what Temporal keeps of them, what its own command line shows with and without the
 * codec endpoint, and what happens where a key is missing, wrong or another.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { connectHoldfast } from '../../src/client.ts';
import { startCodecServer, type CodecServer } from '../../src/codec/codec-server.ts';
import { EncryptionKeys, parseKeys } from '../../src/codec/keys.ts';
import { findTemporal } from '../../src/dev-server/find.ts';
import { defined } from '../../src/model/defined.ts';
import { isFailure } from '../../src/model/failure.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { createWorker } from '../../src/worker.ts';
import { testBundle } from '../support/bundle.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { startWorker, type RunningWorker } from '../support/running-worker.ts';
import { readable, storedText } from '../support/stored-history.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilFound } from '../support/until.ts';

/** Another worker, or another key, takes its time. */
const LIMIT_MS = 30_000;
const run = promisify(execFile);
const temporal = await testTemporal();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-encryption-')));
const OLD = `old:${Buffer.alloc(32, 7).toString('base64')}`;
const NEW = `new:${Buffer.alloc(32, 9).toString('base64')}`;
/** Another key under the same id. */
const FALSE_OLD = `old:${Buffer.alloc(32, 8).toString('base64')}`;
const TOKEN = 'a-token-of-the-test';
/** Stands in everything that a job takes, gives and says. */
const PLANTED = 'Zanzibar-42';
let bundle: WorkflowBundleWithSourceMap;
let temporalBin: string;
let codec: CodecServer;
const workers = new Set<RunningWorker>();

const attempts = new Map<string, number>();
/**
 * Fails as often as asked, with the planted word in the message, the stack and a cause; then says it everywhere else.
 */
const talk = implementStep(
  defineStep({
    name: 'talk',
    input: z.strictObject({ text: z.string(), failures: z.int() }),
    output: z.strictObject({ said: z.string() }),
  }),
  async (ctx, { text, failures }) => {
    const key = `${ctx.jobId}/${ctx.stepId}`;
    const count = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, count);
    ctx.log(`log ${text}`, { text });
    ctx.progress(`progress ${text}`, 0.5);
    if (count <= failures) throw new Error(`message ${text}`, { cause: new Error(`cause ${text}`) });
    await ctx.files.write(`${ctx.stepId}.txt`, text);
    return { said: text };
  },
);

before(async () => {
  const found = await findTemporal({ address: false });
  assert.equal(found.kind, 'executable');
  temporalBin = found.kind === 'executable' ? found.path : '';
  bundle = await testBundle(undefined, { isEncrypted: true });
  codec = await startCodecServer({ keys: keysOf(OLD, NEW), port: 0, uiUrls: ['http://localhost:8233'], token: TOKEN });
});

/** Before the file's end: the server must outlive the workers. */
afterEach(async () => {
  await Promise.all([...workers].map((worker) => worker.stop()));
});

after(async () => {
  await codec.close();
  rmSync(root, { recursive: true, force: true });
});

function keysOf(...lines: readonly string[]): EncryptionKeys {
  return new EncryptionKeys(parseKeys(lines.join('\n'), 'test'), 'test');
}

/** Stops with its test at the latest. */
async function startWithKeys(taskQueue: string, keys: string | undefined): Promise<RunningWorker> {
  const worker = await startWorker(temporal, {
    taskQueue,
    root,
    steps: [talk],
    workflowBundle: bundle,
    env: defined({ HOLDFAST_ENCRYPTION_KEYS: keys }),
  });
  const started: RunningWorker = {
    stop: async () => {
      workers.delete(started);
      await worker.stop();
    },
  };
  workers.add(started);
  return started;
}

async function holdfast(keys: string | undefined, ...args: readonly string[]): Promise<Ran> {
  return await cli(args, {
    cwd: root,
    env: { ...temporal.env, NO_COLOR: '1', USER: 'ada', ...defined({ HOLDFAST_ENCRYPTION_KEYS: keys }) },
  });
}

async function plainTemporal(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(
    temporalBin,
    [...args, '--address', temporal.address, '--namespace', temporal.namespace],
    { env: { ...process.env, TEMPORAL_ADDRESS: undefined }, maxBuffer: 1 << 26 },
  );
  return stdout;
}

const withCodec = (): readonly string[] => ['--codec-endpoint', codec.url, '--codec-auth', `Bearer ${TOKEN}`];

async function start(taskQueue: string, keys: string | undefined, plan: object): Promise<string> {
  const workflowId = temporal.unique('job');
  await using client = await connectHoldfast({
    address: temporal.address,
    namespace: temporal.namespace,
    env: defined({ HOLDFAST_ENCRYPTION_KEYS: keys }),
  });
  await client.start({ schemaVersion: 1, name: 'encrypted', ...plan } as never, {
    workflowId,
    taskQueue,
    knownSteps: [talk.contract] as never,
  });
  return workflowId;
}

/** The keys' ids in the order in which a history uses them. */
async function keyIdsUsed(workflowId: string): Promise<readonly string[]> {
  const history = await plainTemporal('workflow', 'show', '--workflow-id', workflowId, '--output', 'json');
  const ids = [...history.matchAll(/"encryption-key-id": ?"([^"]+)"/g)].map(([, id]) =>
    Buffer.from(id!, 'base64').toString(),
  );
  return [...new Set(ids)];
}

test('nothing that a job takes, gives, says or fails with can be read without the codec endpoint', async () => {
  const queue = temporal.unique('queue');
  const worker = await startWithKeys(queue, OLD);
  const job = await start(queue, OLD, {
    workspace: 'planted',
    description: `description ${PLANTED}`,
    steps: [
      { id: 'retried', use: 'talk', with: { text: PLANTED, failures: 1 } },
      { id: 'asked', use: 'talk', needs: ['retried'], retry: { maxAttempts: 1 }, with: { text: PLANTED, failures: 1 } },
      { id: 'approved', use: 'talk', needs: ['asked'], approval: 'before-apply', with: { text: PLANTED, failures: 0 } },
    ],
  });
  const asks = async (): Promise<{ readonly kind: string } | undefined> =>
    (await holdfast(OLD, 'question', job, '--json')).json<{ questions?: { kind: string }[] }>().questions?.[0];
  await untilFound(asks, { what: 'it asks about its failure', limitMs: LIMIT_MS });
  const question = await holdfast(OLD, 'question', job);
  assert.match(question.out, new RegExp(`message ${PLANTED}`));
  // The details that the UI shows are asked of the worker: encrypted on their way, too.
  assert.doesNotMatch(
    await plainTemporal('workflow', 'metadata', '--workflow-id', job, '--output', 'json'),
    new RegExp(PLANTED),
  );
  assert.match(
    await plainTemporal('workflow', 'metadata', '--workflow-id', job, '--output', 'json', ...withCodec()),
    new RegExp(`message ${PLANTED}`),
  );
  assert.equal((await holdfast(OLD, 'decide', job, 'rerun', '--reason', `because ${PLANTED}`)).code, 0);
  await untilFound(async () => ((await asks())?.kind === 'approval' ? true : undefined), {
    what: 'it asks for approval',
    limitMs: LIMIT_MS,
  });
  assert.ok(!(await storedText(temporal, job)).includes(PLANTED), 'while it waits');
  assert.equal(
    (await holdfast(OLD, 'decide', job, 'approve', '--reason', PLANTED, '--by', PLANTED, '--signal')).code,
    0,
  );
  const result = await holdfast(OLD, 'result', job, '--wait', '--json');
  assert.deepEqual(result.json<{ result: { outputs: { approved: unknown } } }>().result.outputs.approved, {
    said: PLANTED,
  });
  assert.equal(readFileSync(join(root, 'planted', 'approved.txt'), 'utf8'), PLANTED);

  const stored = await storedText(temporal, job);
  assert.ok(stored.includes('binary/encrypted') && stored.includes('asked'), 'ids of steps stay readable');
  assert.ok(!stored.includes(PLANTED));
  const show = ['workflow', 'show', '--workflow-id', job, '--output', 'json'];
  const unread = await plainTemporal(...show);
  const read = readable(await plainTemporal(...show, ...withCodec()));
  assert.doesNotMatch(unread, new RegExp(`${PLANTED}|${Buffer.from(PLANTED).toString('base64').replace(/=+$/, '')}`));
  for (const said of [`description ${PLANTED}`, `because ${PLANTED}`]) assert.ok(read.includes(said), said);
  await worker.stop();
});

test('what Temporal’s command line sends is encrypted by the codec endpoint, else taken as it is', async () => {
  const queue = temporal.unique('queue');
  const worker = await startWithKeys(queue, OLD);
  const plan = (workspace: string): string =>
    JSON.stringify({
      plan: {
        schemaVersion: 1,
        name: 'by-hand',
        workspace,
        steps: [{ id: 'only', use: 'file.write', with: { path: 'a.txt', content: PLANTED } }],
      },
    });
  for (const [job, more, isHidden] of [
    [temporal.unique('hidden'), withCodec(), true],
    [temporal.unique('open'), [], false],
  ] as const) {
    await plainTemporal(
      'workflow',
      'start',
      '--type',
      'agentJob',
      '--task-queue',
      queue,
      '--workflow-id',
      job,
      '--input',
      plan(job),
      ...more,
    );
    const result = await plainTemporal('workflow', 'result', '--workflow-id', job, '--output', 'json', ...withCodec());
    assert.match(result, /a\.txt/);
    assert.equal((await storedText(temporal, job)).includes(PLANTED), !isHidden, job);
  }
  await worker.stop();
});

const LACKING = [
  {
    what: 'has another key only',
    keys: NEW,
    reason: 'missing-key',
    said: /encrypted under the key "old", which is missing: the keys given here are new/,
  },
  {
    what: 'has no key',
    keys: undefined,
    reason: 'missing-key',
    said: /encrypted under the key "old", which is missing: no key is given here/,
  },
  {
    what: 'has another key under the same id',
    keys: FALSE_OLD,
    reason: 'wrong-key',
    said: /under the encryption key "old" cannot be decrypted/,
  },
] as const;

// At once: Temporal tries a Workflow Task again after ten seconds.
test('a worker without the key fails no job, touches nothing and names the key; with it the job goes on', async () => {
  await Promise.all(LACKING.map(lacks));
});

async function lacks({ what, keys, reason, said }: (typeof LACKING)[number]): Promise<void> {
  const queue = temporal.unique('queue');
  const workspace = temporal.unique('lacking');
  const lacking = await startWithKeys(queue, keys);
  const job = await start(queue, OLD, {
    workspace,
    steps: [{ id: 'only', use: 'talk', with: { text: PLANTED, failures: 0 } }],
  });
  const trouble = await untilFound(
    async () => {
      const ran = await holdfast(OLD, 'status', job, '--json');
      const { error } = ran.json<{
        error?: { type: string; message: string; nextStep: string; details: { reason?: string } };
      }>();
      return error?.type === 'no-worker' && error.details.reason !== undefined
        ? { ...error, code: ran.code }
        : undefined;
    },
    { what: `the failure of a worker that ${what} is told`, limitMs: LIMIT_MS },
  );
  assert.match(trouble.message, said, what);
  assert.deepEqual([trouble.details.reason, trouble.code], [reason, 5], what);
  assert.match(trouble.nextStep, /Start the worker with the key\. The job goes on by itself/);
  assert.equal(existsSync(join(root, workspace)), false, what);
  assert.match((await holdfast(OLD, 'list', '--json')).out, new RegExp(`${job}"[^}]*"state": "running"`), what);
  await lacking.stop();
  await startWithKeys(queue, OLD);
  const result = await holdfast(OLD, 'result', job, '--wait');
  assert.equal(result.code, 0, result.err);
  // The person, too, is told: by their own command.
  const reader = await holdfast(keys, 'result', job);
  assert.equal(reader.code, 2, what);
  assert.match(reader.err, said, what);
  assert.ok(!(await storedText(temporal, job)).includes(PLANTED), what);
}

test('where one worker has the key and another has not, steps are tried again until they are done', async () => {
  const queue = temporal.unique('queue');
  const worker = await startWithKeys(queue, OLD);
  const lacking = await startWithKeys(queue, undefined);
  const ids = Array.from({ length: 12 }, (_, index) => `step-${index}`);
  // Each fails once by itself, so that what its heartbeat said is read by whoever is next, too.
  const job = await start(queue, OLD, {
    workspace: 'shared',
    steps: ids.map((id) => ({ id, use: 'talk', with: { text: PLANTED, failures: 1 } })),
  });
  await untilFound(
    async () => (/which is missing: no key is given here/.test(await storedText(temporal, job)) ? true : undefined),
    { what: 'the worker without the key gets one', limitMs: LIMIT_MS },
  );
  const ended = await holdfast(OLD, 'result', job, '--wait');
  assert.equal(ended.code, 0, ended.err);
  await lacking.stop();
  for (const id of ids)
    assert.equal(attempts.get([...attempts.keys()].find((key) => key.endsWith(`/${id}`)) ?? ''), 2, id);
  await worker.stop();
});

test('rotation: a job goes on under a new key, reads what the old one wrote, and names a missing old key', async () => {
  const queue = temporal.unique('queue');
  const first = await startWithKeys(queue, OLD);
  const job = await start(queue, OLD, {
    workspace: 'rotated',
    steps: [
      { id: 'before', use: 'talk', with: { text: PLANTED, failures: 0 } },
      { id: 'after', use: 'talk', needs: ['before'], approval: 'before-apply', with: { text: PLANTED, failures: 0 } },
    ],
  });
  await untilFound(async () => ((await holdfast(OLD, 'question', job)).code === 3 ? true : undefined), {
    what: 'it asks for approval',
    limitMs: LIMIT_MS,
  });
  await first.stop();
  assert.deepEqual(await keyIdsUsed(job), ['old']);
  const rotated = `${NEW},${OLD}`;
  const second = await startWithKeys(queue, rotated);
  const decided = await holdfast(rotated, 'decide', job, 'approve', '--reason', 'seen');
  assert.equal(decided.code, 0, decided.err);
  assert.equal((await holdfast(rotated, 'result', job, '--wait')).code, 0);
  assert.deepEqual(await keyIdsUsed(job), ['old', 'new']);
  assert.ok(!(await storedText(temporal, job)).includes(PLANTED));
  await second.stop();
  // Its result is under the new key; its beginning can't be read any more.
  assert.equal((await holdfast(NEW, 'result', job)).code, 0);
  await using client = await connectHoldfast({
    address: temporal.address,
    namespace: temporal.namespace,
    env: { HOLDFAST_ENCRYPTION_KEYS: NEW },
  });
  const error = await client.workspaceOf(job).catch((reason: unknown) => reason);
  assert.ok(isFailure(error, 'missing-key'));
  assert.match(error.message, /"old"/);
});

test('a job from before encryption was switched on goes on, and what is added to it is encrypted', async () => {
  const queue = temporal.unique('queue');
  const plain = await startWorker(temporal, { taskQueue: queue, root, steps: [talk] });
  const job = await start(queue, undefined, {
    workspace: 'switched',
    steps: [
      { id: 'before', use: 'talk', with: { text: 'said before', failures: 0 } },
      {
        id: 'after',
        use: 'talk',
        needs: ['before'],
        approval: 'before-apply',
        with: { text: '${{ steps.before.output.said }}', failures: 0 },
      },
    ],
  });
  await untilFound(async () => ((await holdfast(undefined, 'question', job)).code === 3 ? true : undefined), {
    what: 'it asks for approval',
    limitMs: LIMIT_MS,
  });
  await plain.stop();
  const worker = await startWithKeys(queue, OLD);
  assert.equal((await holdfast(OLD, 'decide', job, 'approve', '--reason', PLANTED)).code, 0);
  assert.equal((await holdfast(OLD, 'result', job, '--wait')).code, 0);
  const stored = await storedText(temporal, job);
  assert.ok(stored.includes('said before') && !stored.includes(PLANTED));
  await worker.stop();
});

test('a worker with keys refuses a bundle of Workflows made without encryption, and starts nothing', async () => {
  const error = await createWorker({
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue: temporal.unique('queue'),
    workspaceRoot: root,
    workflowBundle: await testBundle(),
    env: { HOLDFAST_ENCRYPTION_KEYS: OLD },
  }).catch((reason: unknown) => reason);
  assert.ok(isFailure(error, 'bad-input'), String(error));
  assert.match(error.message, /the bundle of Workflows was made without it/);
});
