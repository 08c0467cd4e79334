/** A store that is not where the plan says: the one that is given is read, and kept to. One of another history. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { decisionsOf } from '../support/ledger.ts';
import { openTestPostgres } from '../support/postgres.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { storedText } from '../support/stored-history.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const postgres = await openTestPostgres();
const [kept, other] = [await postgres.database(), await postgres.database()];
const { root, client, startPlan } = servedJobs(temporal, 'elsewhere', { env: { KEPT: kept, OTHER: other } });
after(() => postgres.close());
const WHO = { by: 'ada@example.com', reason: 'the disk was replaced' };
after(() => {
  for (const name of ['KEPT', 'OTHER']) delete process.env[name];
});

function planOf(workspace: string, store: string): object {
  const approval = 'before-apply';
  const steps = [
    { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'a\n' } },
    { id: 'b', use: 'file.copy', needs: ['a'], approval, with: { from: 'a.txt', to: 'b.txt' } },
    { id: 'c', use: 'file.copy', needs: ['b'], approval, with: { from: 'b.txt', to: 'c.txt' } },
  ];
  return { schemaVersion: 1, name: 'report', workspace, checkpoint: { store }, steps };
}

async function lost(workspace: string, store: string): Promise<WorkflowHandle> {
  const handle = await startPlan(planOf(workspace, store));
  await untilStatus(handle, ({ questions }) => questions.some(({ stepId }) => stepId === 'b'));
  await handle.terminate('the cluster is gone');
  return temporal.client.workflow.getHandle(handle.workflowId);
}

async function approveStep(handle: WorkflowHandle, stepId: string): Promise<void> {
  const asked = await untilStatus(handle, ({ questions }) => questions.some((one) => one.stepId === stepId));
  const { digest } = asked.questions.find((one) => one.stepId === stepId)!;
  await client.decide(handle.workflowId, { answer: 'approve', ...WHO, digest });
}

async function latestIn(location: string, jobId: string): Promise<number> {
  const store = openStore(location);
  try {
    return (await store.generations(jobId)).at(-1) ?? 0;
  } finally {
    await store.close();
  }
}

test('a folder that was moved is read where it was given, and later checkpoints are kept there', async () => {
  const handle = await lost('moving', 'kept-here');
  renameSync(join(root, 'kept-here'), join(root, 'moved'));
  const from = `${root}/moved/${handle.workflowId}`;
  const { jobId, keptIn, checkpoint } = await client.resume({ from, workspace: 'moving-2', ...WHO });
  assert.equal(keptIn, join(root, 'moved'));
  await approveStep(handle, 'b');
  await approveStep(handle, 'c');
  await handle.result();
  assert.equal(readFileSync(join(root, 'moving-2', 'c.txt'), 'utf8'), 'a\n');
  assert.equal(existsSync(join(root, 'kept-here')), false, 'none is made where the plan says');
  assert.ok((await latestIn(join(root, 'moved'), jobId)) > checkpoint.seq);
  const [resumed] = decisionsOf(join(root, 'moving-2'), jobId);
  assert.match(resumed!.notes.join(), /goes on from checkpoint \d+ of .*\/moved$/);
});

test('anew: the job that begins from nothing keeps to the places that were given', async () => {
  const handle = await lost('anew', 'kept-anew');
  renameSync(join(root, 'kept-anew'), join(root, 'moved-anew'));
  const store = openStore(join(root, 'moved-anew'));
  const [jobId] = await store.series();
  const seqs = await store.generations(jobId!);
  writeFileSync(store.where(jobId!, seqs.at(-1)!), 'not a checkpoint');
  await client.resume({ from: `${root}/moved-anew/${handle.workflowId}`, workspace: 'anew-2', ...WHO });
  const { digest } = await untilAsked(handle);
  await client.decide(handle.workflowId, { answer: 'anew', ...WHO, digest });
  await approveStep(handle, 'b');
  await approveStep(handle, 'c');
  await handle.result();
  const series = await store.series();
  await store.close();
  assert.equal(series.length, 2, 'its checkpoints are there, too');
  assert.equal(existsSync(join(root, 'kept-anew')), false);
});

test('another database is named by a variable, and no URL is in the history', async () => {
  const handle = await lost('database', '${{ env.KEPT }}');
  const [store, moved] = [openStore(kept), openStore(other)];
  const series = await store.series();
  const jobId = series.find((one) => one.startsWith(`${handle.workflowId}@`));
  assert.ok(jobId !== undefined, `${handle.workflowId} has checkpoints: ${series.join(', ')}`);
  for (const seq of await store.generations(jobId)) await moved.put(jobId, seq, (await store.get(jobId, seq))!);
  await Promise.all([store.close(), moved.close()]);
  const before = [await latestIn(kept, jobId), await latestIn(other, jobId)];
  Object.assign(process.env, { KEPT: kept });
  await assert.rejects(client.resume({ from: `${other}/${handle.workflowId}`, ...WHO }), {
    type: 'bad-input',
    message: /keeps its checkpoints elsewhere/,
    nextStep: new RegExp(`--from '\\$\\{\\{ env\\.NAME \\}\\}/${handle.workflowId}'`),
  });
  const from = `\${{ env.OTHER }}/${handle.workflowId}`;
  await assert.rejects(client.resume({ from, ...WHO }), {
    type: 'missing-variable',
    message: /there is no OTHER here/,
  });
  const same = new URL(kept);
  same.searchParams.set('application_name', 'another');
  const known = await client.resume({ from: `${same.href}/${handle.workflowId}`, dryRun: true, ...WHO });
  assert.equal(known.keptIn, undefined, 'who connects, and how, makes it no other store');
  Object.assign(process.env, { OTHER: other });
  const { keptIn } = await client.resume({ from, workspace: 'database-2', ...WHO });
  assert.equal(keptIn, '${{ env.OTHER }}');
  await approveStep(handle, 'b');
  await approveStep(handle, 'c');
  await handle.result();
  assert.equal(await latestIn(kept, jobId), before[0], 'the other one stays as it was');
  assert.ok((await latestIn(other, jobId)) > before[1]!);
  const history = await storedText(temporal, handle.workflowId);
  assert.ok(history.includes('env.OTHER'));
  for (const url of [kept, other]) assert.ok(!history.includes(url));
});

test('a store that has gone on otherwise than the workspace is asked about, and nothing is changed', async () => {
  const handle = await lost('apart', 'stored-apart');
  cpSync(join(root, 'stored-apart'), join(root, 'copied'), { recursive: true });
  const goneOn = async (store: string, workspace: string): Promise<string> => {
    const { jobId } = await client.resume({ from: `${root}/${store}/${handle.workflowId}`, workspace, ...WHO });
    await approveStep(handle, 'b');
    await untilStatus(handle, ({ questions }) => questions.some(({ stepId }) => stepId === 'c'));
    await handle.terminate('the cluster is gone');
    return jobId;
  };
  const jobId = await goneOn('copied', 'apart-2');
  await goneOn('stored-apart', 'apart');
  const before = await latestIn(join(root, 'copied'), jobId);
  await client.resume({ from: `${root}/copied/${handle.workflowId}`, workspace: 'apart', ...WHO });
  const { findings } = await untilAsked(handle);
  assert.deepEqual([findings[0]!.kind, findings[0]!.answers], ['cannot-resume', ['recheck', 'abort']]);
  assert.match(findings[0]!.found.text, /\/apart is the same up to record \d+, and from there on another, to \d+/);
  assert.match(findings[0]!.advice!, /Two copies of the job have gone on apart/);
  await client.decide(handle.workflowId, { answer: 'abort', ...WHO });
  await untilStatus(handle, ({ state }) => state === 'aborted');
  assert.equal(await latestIn(join(root, 'copied'), jobId), before);
  assert.equal(existsSync(join(root, 'apart', 'c.txt')), false);
  await client.resume({ from: `${root}/stored-apart/${handle.workflowId}`, workspace: 'apart', ...WHO });
  await approveStep(handle, 'c');
  await handle.result();
  assert.equal(readFileSync(join(root, 'apart', 'c.txt'), 'utf8'), 'a\n');
  rmSync(join(root, 'apart-2'), { recursive: true });
});
