/** Encrypted jobs on a real server where a key is missing, wrong, another, or replaced. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectHoldfast } from '../../src/client.ts';
import { isFailure } from '../../src/model/failure.ts';
import {
  attempts,
  holdfast,
  LIMIT_MS,
  NEW,
  OLD,
  plainTemporal,
  PLANTED,
  root,
  start,
  startWithKeys,
  temporal,
} from '../support/encrypted-jobs.ts';
import { storedText } from '../support/stored-history.ts';
import { untilFound } from '../support/until.ts';

/** Another key under the same id. */
const FALSE_OLD = `old:${Buffer.alloc(32, 8).toString('base64')}`;

/** The keys' ids in the order in which a history uses them. */
async function keyIdsUsed(workflowId: string): Promise<readonly string[]> {
  const history = await plainTemporal('workflow', 'show', '--workflow-id', workflowId, '--output', 'json');
  const ids = [...history.matchAll(/"encryption-key-id": ?"([^"]+)"/g)].map(([, id]) =>
    Buffer.from(id!, 'base64').toString(),
  );
  return [...new Set(ids)];
}
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
  // To the end of each: without the workers, which end with this test, a command would wait for ever.
  const ended = await Promise.allSettled(LACKING.map(lacks));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
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
