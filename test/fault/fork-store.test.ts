/** A fork of a job with a store of checkpoints has entries of its own there; the other job's stay as they are. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { forkJob } from '../../src/changes.ts';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { cli } from '../support/cli-terminal.ts';
import { fingerprint } from '../support/forked-job.ts';
import { checkpointsIn, file, notesPlan, NOTING } from '../support/noting-jobs.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const { root, client, startPlan, taskQueue } = servedJobs(temporal, 'fork-store', NOTING);

test('a fork stores its own checkpoints, each readable, and the other job’s are as they were', async () => {
  const steps = [file('a'), file('b', ['a']), file('c', ['b'])];
  const handle = await startPlan(notesPlan('other', steps, { checkpoint: { store: '${{ env.CHECKPOINTS }}' } }));
  await handle.result();
  const stored = join(root, 'stored');
  const before = fingerprint(stored);
  const store = openStore(stored);
  const { jobId } = await client.status(handle.workflowId);
  const generations = await store.generations(jobId);
  const at = (await checkpointsIn(join(root, 'other')))[1]!.seq;
  const { fork } = await forkJob(join(root, 'other'), { at, workspace: join(root, 'fork'), by: 'ada', reason: 'test' });
  const { workflowId } = await client.startFork(fork);
  const { state } = (await temporal.client.workflow.getHandle(workflowId).result()) as PlanResult;
  assert.deepEqual(state, { seen: ['a', 'b', 'c'] });
  const now = fingerprint(stored);
  const files = Object.entries(before).filter(([, told]) => told.split(' ')[1] !== '');
  assert.ok(files.length >= generations.length && generations.length > 0);
  assert.deepEqual(
    files.filter(([path, told]) => now[path] !== told),
    [],
    'none of what was there is changed or gone',
  );
  const own = (await client.status(workflowId)).jobId;
  assert.notEqual(own, jobId);
  assert.deepEqual(await store.generations(jobId), generations);
  const ofFork = await store.generations(own);
  assert.ok(ofFork.length > 0);
  const latest = await loadJob(store, own, ofFork.at(-1)!);
  assert.equal(latest.checkpoint.place.seq, (await checkpointsIn(join(root, 'fork'))).at(-1)!.seq);
});

test('a fork is made from the store alone, where workspace and history are gone', async () => {
  const plan = notesPlan('gone', [file('a'), file('b', ['a']), file('c', ['b'])], {
    checkpoint: { store: '${{ env.CHECKPOINTS }}' },
  });
  const handle = await startPlan(plan);
  await handle.result();
  const { workflowId } = handle;
  const at = (await checkpointsIn(join(root, 'gone')))[1]!.seq;
  rmSync(join(root, 'gone'), { recursive: true });
  const { namespace } = temporal;
  await temporal.connection.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } });
  const stored = join(root, 'stored');
  const before = fingerprint(stored);
  const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: namespace };
  const typed = ['fork', '--from', `${stored}/${workflowId}@${at}`, '--workspace', join(root, 'from-store'), '--json'];
  const preview = await cli([...typed, '--dry-run'], { env });
  assert.equal(preview.code, 0, preview.err);
  assert.deepEqual(preview.json<{ done: unknown; next: unknown }>().next, ['b']);
  const ran = await cli([...typed, '--task-queue', taskQueue], { env });
  assert.equal(ran.code, 0, ran.err);
  const { workflowId: forked } = ran.json<{ workflowId: string }>();
  const { state } = (await temporal.client.workflow.getHandle(forked).result()) as PlanResult;
  assert.deepEqual(state, { seen: ['a', 'b', 'c'] });
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => readFileSync(join(root, 'from-store', `${id}.txt`), 'utf8')),
    ['a', 'b', 'c'],
  );
  const ids = (await checkpointsIn(join(root, 'from-store'))).map(({ source, step }) => `${source} ${step}`);
  assert.deepEqual(ids, ['input -1', 'loop 0', 'fork 0', 'loop 1', 'loop 2']);
  const now = fingerprint(stored);
  for (const [path, told] of Object.entries(before))
    if (told.split(' ')[1] !== '') assert.equal(now[path], told, 'the store of the other job is as it was');
  const both = await cli([...typed, join(root, 'from-store')], { env });
  assert.match(both.out + both.err, /takes a workspace, a job, or --from STORE\/JOB: one of them/);
  const none = await cli(['fork', '--from', `${stored}/${workflowId}@999`, '--workspace', join(root, 'x')], { env });
  assert.match(none.err, /There is no checkpoint 999/);
});
