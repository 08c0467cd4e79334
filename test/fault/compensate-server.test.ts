/**
 * A job on a real server is undone while its workers are killed by SIGKILL, one at each of these points; nothing
 * restarts the job: it ends by itself, the world is as it was, and each step was undone once.
 */
import assert from 'node:assert/strict';
import { type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobStatus } from '../../src/model/job/status.ts';
import { testBundle } from '../support/bundle.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { ended, killed, startChild } from '../support/child-process.ts';
import { CountingServer } from '../support/counting-server.ts';
import { untilStatus } from '../support/job-status.ts';
import { chainOf } from '../support/ledger.ts';
import { prepareSagaWorld, SAGA, sagaPlan, worldOf } from '../support/saga.ts';
import type { SagaWorkerOrder } from '../support/saga-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { linesOf } from '../support/killing.ts';

const CHILD = new URL('../support/saga-worker.ts', import.meta.url).pathname;
const POINTS = [
  'perform.call-after',
  'seal.after',
  'commit.database-after',
  'commit.file-renamed',
  'record.after',
  'release.before',
] as const;
const temporal = await testTemporal();

test('workers killed while a job is undone: it ends by itself, undone once', { timeout: 400_000 }, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-undo-server-'));
  await using server = await CountingServer.start();
  const workspace = join(root, 'workspace');
  mkdirSync(workspace);
  const places = { workspace, databaseUrl: `sqlite:${workspace}/db/main.db` };
  await prepareSagaWorld(places);
  const before = await worldOf(places);
  const bundlePath = join(root, 'bundle.json');
  writeFileSync(bundlePath, JSON.stringify(await testBundle()));
  const order: SagaWorkerOrder = {
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue: temporal.unique('queue'),
    root,
    bundlePath,
    url: server.url,
    killed: join(root, 'killed'),
  };
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('undone'),
    taskQueue: order.taskQueue,
    args: [{ plan: sagaPlan(server.url), workspace }],
  });
  let worker = start(order);
  try {
    const { questions, jobId } = await untilStatus(handle, (status: JobStatus) => status.questions.length > 0, 60_000);
    await killed(worker);
    await handle.signal('decide', {
      digest: questions[0]!.digest,
      answer: 'abort',
      compensate: true,
      by: 'a person',
      reason: 'because',
    });
    let isOver = false;
    const result = handle
      .result()
      .then(
        () => 'completed',
        (error: Error) => (error.cause as Error).message,
      )
      .finally(() => (isOver = true));
    let restarts = 0;
    for (; !isOver; restarts++) {
      worker = start({ ...order, killOnceAt: POINTS });
      await Promise.race([ended(worker), result]);
    }
    t.diagnostic(`${restarts} workers`);
    assert.match(await result, /^Aborted by a person: because\. Undone: 9 steps/);
    assert.deepEqual(linesOf(join(root, 'killed')).toSorted(), POINTS.toSorted());
    assert.deepEqual(await worldOf(places), before);
    assert.deepEqual(
      chainOf(workspace, jobId).flatMap((record) => (record.kind === 'undone' ? [record.stepId] : [])),
      SAGA.map(({ contract }) => contract.name).reverse(),
    );
    assert.deepEqual(
      server.keys.map((key) => server.effects(key)),
      server.keys.map(() => 1),
    );
  } finally {
    await killed(worker);
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
});

function start(order: SagaWorkerOrder): ChildProcess {
  return startChild({ script: CHILD, order }).process;
}
