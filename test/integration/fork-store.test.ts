/** A fork of a job with a store of checkpoints has entries of its own there; the other job's stay as they are. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { forkJob } from '../../src/changes.ts';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { fingerprint } from '../support/forked-job.ts';
import { checkpointsIn, file, notesPlan, NOTING } from '../support/noting-jobs.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const { root, client, startPlan } = servedJobs(temporal, 'fork-store', NOTING);

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
