/**
 * Encrypted jobs on a real server: what Temporal keeps of them, and what its own command line shows with and without
 * the codec endpoint. Missing, wrong and other keys: `test/fault/encryption-keys.test.ts`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startCodecServer, type CodecServer } from '../../src/codec/codec-server.ts';
import { EncryptionKeys, parseKeys } from '../../src/codec/keys.ts';
import { isFailure } from '../../src/model/failure.ts';
import { createWorker } from '../../src/worker.ts';
import { testBundle } from '../support/bundle.ts';
import {
  holdfast,
  LIMIT_MS,
  NEW,
  OLD,
  plainTemporal,
  PLANTED,
  root,
  start,
  startWithKeys,
  talk,
  temporal,
} from '../support/encrypted-jobs.ts';
import { startWorker } from '../support/running-worker.ts';
import { readable, storedText } from '../support/stored-history.ts';
import { untilFound } from '../support/until.ts';

const TOKEN = 'a-token-of-the-test';
let codec: CodecServer;

before(async () => {
  codec = await startCodecServer({ keys: keysOf(OLD, NEW), port: 0, uiUrls: ['http://localhost:8233'], token: TOKEN });
});

after(() => codec.close());

function keysOf(...lines: readonly string[]): EncryptionKeys {
  return new EncryptionKeys(parseKeys(lines.join('\n'), 'test'), 'test');
}
const withCodec = (): readonly string[] => ['--codec-endpoint', codec.url, '--codec-auth', `Bearer ${TOKEN}`];
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
