/** A plan's job goes back to one of its checkpoints, and the world with it. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { jobStateAt } from '../../src/changes/job-state.ts';
import { HoldfastClient } from '../../src/client.ts';
import type { CheckpointRecord } from '../../src/model/record/record.ts';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-rewind-'));
testWorker(temporal, { taskQueue, root });
after(() => rmSync(root, { recursive: true, force: true }));
const client = new HoldfastClient({
  client: temporal.client,
  connection: temporal.connection,
  address: temporal.address,
  taskQueue,
});
const WHO = { by: 'ada', reason: 'the second one was wrong' };

const file = (id: string, needs: readonly string[] = [], more: object = {}): object => ({
  id,
  use: 'file.write',
  with: { path: `${id}.txt`, content: id },
  needs,
  state: { seen: id },
  ...more,
});

async function start(workspace: string, ...steps: readonly object[]): Promise<WorkflowHandle> {
  const state = { seen: { reducer: 'append' } };
  return await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan: { schemaVersion: 1, name: 'notes', workspace, state, steps } as never }],
  });
}

async function looking<T>(workspace: string, look: (inspection: WorkspaceInspection) => T): Promise<T> {
  await using inspection = await WorkspaceInspection.open(join(root, workspace), {});
  return look(inspection);
}

async function checkpointsOf(workspace: string): Promise<readonly CheckpointRecord[]> {
  return await looking(workspace, (inspection) => inspection.checkpoints(inspection.job().jobId));
}

function there(workspace: string, ...ids: readonly string[]): readonly boolean[] {
  return ids.map((id) => existsSync(join(root, workspace, `${id}.txt`)));
}

function told({ step, source, tasks }: CheckpointRecord): string {
  return [source, step, ...tasks.map(({ id, generation, outcome }) => `${id}${generation}${outcome}`)].join(' ');
}

test('a job that waits for an approval goes back, its files with it, and comes to the approval again', async () => {
  const handle = await start('asks', file('a'), file('b', ['a']), file('c', ['b'], { approval: 'before-apply' }));
  const first = await untilAsked(handle);
  const [, afterA] = await checkpointsOf('asks');
  assert.deepEqual(there('asks', 'a', 'b', 'c'), [true, true, false]);
  const rewound = await client.rewind(handle.workflowId, { to: afterA!.seq, ...WHO });
  assert.equal(rewound.to, afterA!.seq);
  assert.deepEqual(rewound.runsAgain, ['b', 'c']);
  const { questions } = await untilStatus(
    handle,
    ({ questions: [one] }) => one !== undefined && one.digest !== first.digest,
  );
  assert.deepEqual(there('asks', 'a', 'b', 'c'), [true, true, false]);
  await handle.signal('decide', { digest: questions[0]!.digest, answer: 'approve', ...WHO });
  await handle.result();
  const all = await checkpointsOf('asks');
  assert.deepEqual(all.map(told), [
    'input -1',
    'loop 0 a0done',
    'loop 1 b0done',
    'rewind 2 c1void',
    'loop 1 b1done',
    'loop 2 c1done',
  ]);
  assert.equal(all[3]!.parent, afterA!.seq, 'the next one goes on from the one that was gone back to');
  const states = await looking('asks', (inspection) =>
    [3, 5].map((place) => jobStateAt(inspection, inspection.job(), all[place]!.seq).values),
  );
  assert.deepEqual(states, [{ seen: ['a'] }, { seen: ['a', 'b', 'c'] }]);
});
