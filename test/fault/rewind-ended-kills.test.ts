/**
 * The workers of a job that had ended and goes back are killed by SIGKILL, each at another point: it ends again by
 * itself, as one whose workers were not, with its record opened once and taken back once.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { HoldfastClient } from '../../src/client.ts';
import type { FaultPoint } from '../../src/store/fault-point.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { testBundle } from '../support/bundle.ts';
import { linesOf } from '../support/killing.ts';
import { chainOf } from '../support/ledger.ts';
import { startWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { Supervisor } from './support/supervisor.ts';
import type { WorkerOrder } from './support/worker-child.ts';

const temporal = await testTemporal();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-ended-kills-')));
after(() => rmSync(root, { recursive: true, force: true }));
/** Each kill costs the time in which the server tries again. */
const POINTS: readonly FaultPoint[] = [
  'ledger-commit.before',
  'ledger-commit.after',
  'verify.compared',
  'repair.sealed-before',
  'repair.sealed-after',
  'commit.file-renamed',
  'repair.record-before',
  'repair.record-after',
  'activity.answer',
];

const file = (id: string, needs: readonly string[] = []): object => ({
  id,
  use: 'file.write',
  with: { path: `${id}.txt`, content: id },
  needs,
});

test('killed at each point that it meets, a job that had ended goes back once and ends again', async () => {
  const taskQueue = temporal.unique('queue');
  const [workspace, outside] = [join(root, 'workspace'), join(root, 'outside')];
  mkdirSync(outside);
  const bundlePath = join(outside, 'bundle.json');
  writeFileSync(bundlePath, JSON.stringify(await testBundle()));
  const killed = join(outside, 'killed');
  const worker = await startWorker(temporal, { taskQueue, root });
  const steps = [file('a'), file('b', ['a']), file('c', ['b'])];
  const plan = { schemaVersion: 1, name: 'ended', workspace: 'workspace', steps };
  const workflowId = temporal.unique('job');
  const args: [{ plan: never }] = [{ plan: plan as never }];
  const handle = await temporal.client.workflow.start(agentJob, { workflowId, taskQueue, args });
  await handle.result();
  const { jobId } = await handle.query<{ readonly jobId: string }>('status');
  await worker.stop();
  const [, afterA] = chainOf(workspace, jobId).filter((record) => record.kind === 'checkpoint');
  const places = { workspace, outside, databaseUrl: 'sqlite:none.db', callUrl: '' } as unknown as WorkerOrder;
  const { address, namespace } = temporal;
  const order = { ...places, address, namespace, taskQueue, bundlePath, killed, killOnceAt: POINTS };
  const supervisor = new Supervisor(order);
  supervisor.start();
  try {
    const client = new HoldfastClient({ client: temporal.client, connection: temporal.connection, address, taskQueue });
    await client.rewind(workflowId, { to: afterA!.seq, by: 'ada', reason: 'wrong' });
    await Promise.race([temporal.client.workflow.getHandle(workflowId).result(), supervisor.failure]);
  } finally {
    await supervisor.stop();
  }
  const points = linesOf(killed);
  assert.deepEqual(
    POINTS.filter((point) => !points.includes(point)),
    [],
    `it was killed at ${points.join(', ')}`,
  );
  const records = chainOf(workspace, jobId);
  assert.deepEqual(
    records.flatMap((record) => (record.kind === 'step' ? [`${record.stepId}${record.generation}`] : [])),
    ['a0', 'b0', 'c0', 'b1', 'c1'],
  );
  assert.deepEqual(
    records.flatMap((record) => (record.kind === 'decision' ? [record.questionKind] : [])),
    ['resume', 'rewind'],
  );
  assert.equal(records.filter(({ kind }) => kind === 'opened').length, 2);
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => readFileSync(join(workspace, `${id}.txt`), 'utf8')),
    ['a', 'b', 'c'],
  );
});
