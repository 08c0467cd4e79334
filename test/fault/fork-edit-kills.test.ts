/**
 * The workers of a fork that begins with an edit are killed by SIGKILL, each at another point: the edit is in its
 * record once, and no step has run before it. Its history replays.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from '@temporalio/worker';
import { forkJob } from '../../src/changes.ts';
import { HoldfastClient } from '../../src/client.ts';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import type { FaultPoint } from '../../src/store/fault-point.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { testBundle } from '../support/bundle.ts';
import { linesOf } from '../support/killing.ts';
import { chainOf } from '../support/ledger.ts';
import { file, notesPlan } from '../support/noting-jobs.ts';
import { startWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { Supervisor } from './support/supervisor.ts';
import type { WorkerOrder } from './support/worker-child.ts';

const temporal = await testTemporal();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-fork-edit-kills-')));
after(() => rmSync(root, { recursive: true, force: true }));
/** Each kill costs the time in which the server tries again. */
const POINTS: readonly FaultPoint[] = [
  'ledger-commit.before',
  'ledger-commit.after',
  'verify.compared',
  'repair.sealed-before',
  'repair.sealed-after',
  'repair.record-before',
  'repair.record-after',
  'activity.answer',
];

test('killed at each point that it meets, a fork has put in once what it was made with, and replays', async () => {
  const taskQueue = temporal.unique('queue');
  const [workspace, outside] = [join(root, 'fork'), join(root, 'outside')];
  mkdirSync(outside);
  const bundle = await testBundle();
  const bundlePath = join(outside, 'bundle.json');
  writeFileSync(bundlePath, JSON.stringify(bundle));
  const worker = await startWorker(temporal, { taskQueue, root });
  const plan = notesPlan('other', [file('a'), file('b', ['a']), file('c', ['b'])]);
  const args: [{ plan: never }] = [{ plan: plan as never }];
  const other = await temporal.client.workflow.start(agentJob, { workflowId: temporal.unique('job'), taskQueue, args });
  await other.result();
  const { jobId } = await other.query<{ readonly jobId: string }>('status');
  await worker.stop();
  const [, , afterB] = chainOf(join(root, 'other'), jobId).filter((record) => record.kind === 'checkpoint');
  const made = await forkJob(join(root, 'other'), {
    at: afterB!.seq,
    workspace,
    edit: { asNode: 'b', values: { seen: 'by hand' } },
    by: 'ada',
    reason: 'wrong',
  });
  const killed = join(outside, 'killed');
  const places = { workspace, outside, databaseUrl: 'sqlite:none.db', callUrl: '' } as unknown as WorkerOrder;
  const { address, namespace } = temporal;
  const supervisor = new Supervisor({
    ...places,
    address,
    namespace,
    taskQueue,
    bundlePath,
    killed,
    killOnceAt: POINTS,
  });
  supervisor.start();
  const client = new HoldfastClient({ client: temporal.client, connection: temporal.connection, address, taskQueue });
  const fork = temporal.client.workflow.getHandle((await client.startFork(made.fork)).workflowId);
  try {
    const result = (await Promise.race([fork.result(), supervisor.failure])) as PlanResult;
    assert.deepEqual(result.state, { seen: ['a', 'by hand', 'c'] });
  } finally {
    await supervisor.stop();
  }
  const points = linesOf(killed);
  assert.deepEqual(
    POINTS.filter((point) => !points.includes(point)),
    [],
    `it was killed at ${points.join(', ')}`,
  );
  const own = await fork.query<{ readonly jobId: string }>('status').catch(() => undefined);
  const records = chainOf(workspace, own?.jobId ?? `${fork.workflowId}@${(await client.startFork(made.fork)).runId}`);
  const decisions = records.flatMap((record) => (record.kind === 'decision' ? [record] : []));
  assert.deepEqual(
    decisions.map(({ by, reason, edits }) => [by, reason, edits?.stepId]),
    [['ada', 'wrong', 'b']],
  );
  const ran = records.flatMap((record) => (record.kind === 'step' && record.seq > decisions[0]!.seq ? [record] : []));
  assert.deepEqual(
    ran.map(({ stepId, step }) => [stepId, step]),
    [
      ['b', 'holdfast.edit'],
      ['c', 'file.write'],
    ],
  );
  assert.equal(existsSync(join(workspace, 'b.txt')), false, 'what b had made in the other job is taken back');
  await Worker.runReplayHistory({ workflowBundle: bundle }, await fork.fetchHistory(), fork.workflowId);
});
