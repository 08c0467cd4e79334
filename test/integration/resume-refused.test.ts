/** What a job can't be resumed from or into: it is said what was expected and what is there, and nothing is changed. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const { taskQueue, root, client, startPlan } = servedJobs(temporal, 'resume-refused');
const store = join(root, 'stored');
const WHO = { by: 'ada@example.com', reason: 'the cluster is gone' };

function planOf(workspace: string): object {
  const write = { use: 'file.write', with: { path: 'a.txt', content: 'a\n' } };
  const steps = [
    { id: 'a', ...write },
    { id: 'b', use: 'file.copy', needs: ['a'], approval: 'before-apply', with: { from: 'a.txt', to: 'b.txt' } },
  ];
  return { schemaVersion: 1, name: 'report', workspace, checkpoint: { store: 'stored' }, steps };
}

async function waiting(workspace: string): Promise<string> {
  const handle = await startPlan(planOf(workspace));
  await untilAsked(handle);
  return handle.workflowId;
}

let running: string;
let lost: string;
before(async () => {
  running = await waiting('running');
  lost = await waiting('lost');
  await temporal.client.workflow.getHandle(lost).terminate('the cluster is gone');
});

async function resume(...args: readonly string[]): Promise<Ran> {
  const env = { ...process.env, ...temporal.env, NO_COLOR: '1' };
  return await cli(['resume', '--task-queue', taskQueue, ...args], { cwd: root, env });
}

test('--dry-run says what a job would go on from, and starts nothing', async () => {
  const { out, code } = await resume('--from', `./stored/${lost}`, '--dry-run');
  assert.equal(code, 0, out);
  assert.match(out, new RegExp(`${lost} would be resumed; nothing was started`));
  assert.match(out, /checkpoint \d+ of 20.*, next: b; or its workspace's own record, where that is later/);
  const told = (await resume('--from', `${store}/${lost}`, '--dry-run', '--json')).json<{ checkpoint: unknown }>();
  assert.equal(typeof (told.checkpoint as { seq: number }).seq, 'number');
  assert.equal((await client.describe(lost)).state, 'terminated');
});

test('a store, a job or a checkpoint that is not there: those that are are named', async () => {
  const refused = async (from: string, code: number, ...parts: readonly string[]): Promise<void> => {
    const ran = await resume('--from', from, '--reason', 'a test');
    assert.equal(ran.code, code, ran.err);
    for (const part of parts) assert.ok(ran.err.includes(part), `${ran.err}\nlacks ${part}`);
  };
  await refused('./nowhere/job', 2, 'There is no folder', 'nowhere');
  await refused('./stored/nobody', 2, 'There is no job "nobody"', `${lost}@`, `${running}@`);
  await refused(`./stored/${lost}@999`, 2, 'There is no checkpoint 999', 'There are: 3, ');
  await refused('no-slash', 2, 'Expected STORE/JOB or STORE/JOB@SEQ');
  await refused('postgres://u:planted-secret@127.0.0.1:1/db/job', 1, 'u:***@127.0.0.1');
  const missing = await resume('--from', `./stored/${lost}`);
  assert.deepEqual([missing.code, /needs --reason WHY/.test(missing.err)], [2, true]);
});

test('a job that is running already under its id is not started again', async () => {
  await assert.rejects(client.resume({ from: `${store}/${running}`, ...WHO }), { type: 'already-started' });
  assert.equal((await client.status(running)).state, 'waiting');
});

test('a store of which nothing can be read starts nothing', async () => {
  const broken = join(root, 'broken');
  cpSync(store, broken, { recursive: true });
  const series = readdirSync(broken).find((name) => name.startsWith(lost))!;
  for (const file of readdirSync(join(broken, series)))
    if (file.endsWith('.sealed')) writeFileSync(join(broken, series, file), 'not a checkpoint');
  await assert.rejects(client.resume({ from: `${broken}/${lost}`, ...WHO }), {
    type: 'checkpoint-damaged',
    message: /nothing can be started from it/,
  });
  assert.equal((await client.describe(lost)).state, 'terminated');
});

test('another job’s workspace, or a record beyond the checkpoint, is asked about, not touched', async () => {
  const handle = temporal.client.workflow.getHandle(lost);
  const refusedIn = async (workspace: string, at: string, found: RegExp): Promise<void> => {
    await client.resume({ from: `${store}/${lost}${at}`, workspace, ...WHO });
    const { kind, findings } = await untilAsked(handle);
    assert.deepEqual([kind, findings[0]!.kind], ['unverifiable', 'cannot-resume']);
    assert.match(findings[0]!.found.text, found);
    assert.deepEqual(findings[0]!.answers, ['recheck', 'abort']);
    await client.decide(lost, { answer: 'abort', ...WHO });
    await untilStatus(handle, ({ state }) => state === 'aborted');
  };
  await refusedIn('running', '', new RegExp(`has the record of ${running}@`));
  await refusedIn('lost', '@3', /goes on to record \d+: a/);
  assert.equal(existsSync(join(root, 'lost', 'b.txt')), false);
  mkdirSync(join(root, 'held'));
  writeFileSync(join(root, 'held', 'notes.txt'), 'a person wrote this\n');
  await client.resume({ from: `${store}/${lost}`, workspace: 'held', ...WHO });
  const { findings } = await untilAsked(handle);
  assert.deepEqual(
    findings.map(({ resource, kind }) => [resource, kind]),
    [['file:a.txt', 'missing']],
    'in a folder that is not empty nothing is brought back unasked',
  );
});
