/**
 * A fork whose arguments leave no room beside them for what a Run hands to the next: where it works, and which job it
 * is, is found all the same in a later Run, and it goes back in its own folder.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { forkJob } from '../../src/changes.ts';
import { fingerprint } from '../support/forked-job.ts';
import { chainOf } from '../support/ledger.ts';
import { checkpointsIn, file, notesPlan } from '../support/noting-jobs.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const { root, client, startPlan } = servedJobs(temporal, 'large-arguments');
const WHO = { by: 'ada', reason: 'another way' };

test('a fork with large arguments that has gone on in new Runs and has ended goes back in its own folder', async () => {
  const steps = [file('a'), file('b', ['a']), file('c', ['b']), file('d', ['c'])];
  const schema = { type: 'object', properties: { large: { type: 'string' } } };
  const input = { large: 'x'.repeat(600_000) };
  const args = { input, continueAsNewAfterEvents: 5 };
  const handle = await startPlan(notesPlan('other', steps, { input: schema }), args);
  await handle.result();
  const [, afterA] = await checkpointsIn(join(root, 'other'));
  const folder = join(root, 'fork');
  const { fork } = await forkJob(join(root, 'other'), { at: afterA!.seq, workspace: folder, ...WHO });
  const { workflowId, runId } = await client.startFork(fork);
  const other = fingerprint(join(root, 'other'));
  const forked = temporal.client.workflow.getHandle(workflowId);
  await forked.result();
  assert.notEqual((await forked.describe()).runId, runId, 'it has gone on in a new Run');
  assert.equal(await client.workspaceOf(workflowId), folder);
  const { jobId } = await client.status(workflowId);
  const afterB = (await checkpointsIn(folder)).find(({ tasks }) => tasks.some(({ id }) => id === 'b'))!;
  const { runsAgain } = await client.rewind(workflowId, { to: afterB.seq, ...WHO });
  assert.deepEqual(runsAgain, ['c', 'd'], 'told also once the job has gone on in a further Run');
  await temporal.client.workflow.getHandle(workflowId).result();
  assert.equal((await client.status(workflowId)).jobId, jobId);
  const done = chainOf(folder, jobId).flatMap((record) =>
    record.kind === 'step' ? [`${record.stepId}${record.generation}`] : [],
  );
  assert.deepEqual(done, ['a0', 'b0', 'c0', 'd0', 'c1', 'd1']);
  for (const id of ['a', 'b', 'c', 'd']) assert.equal(readFileSync(join(folder, `${id}.txt`), 'utf8'), id);
  assert.ok(existsSync(join(root, 'other')));
  assert.deepEqual(fingerprint(join(root, 'other')), other);
});
