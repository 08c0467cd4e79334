/** A fork that has ended goes back: in its own folder, with its own database, and the other job stays as it is. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { HoldfastClient } from '../../src/client.ts';
import { makeFork } from '../../src/fork/make-fork.ts';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { fingerprint } from '../support/forked-job.ts';
import { testWorker } from '../support/running-worker.ts';
import { sqliteRows, sqliteScript } from '../support/sqlite.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-fork-rewound-'));
const [kept, copied] = [join(root, 'kept.db'), join(root, 'copied.db')];
const ENV = { MAIN: `sqlite:${kept}`, COPY: `sqlite:${copied}` };
testWorker(temporal, { taskQueue, root, env: ENV });
after(() => rmSync(root, { recursive: true, force: true }));
const client = new HoldfastClient({
  client: temporal.client,
  connection: temporal.connection,
  address: temporal.address,
  taskQueue,
});
const WHO = { by: 'ada', reason: 'another way' };

const row = (id: number, needs: readonly string[]): object => ({
  id: `row-${id}`,
  use: 'db.upsert',
  with: { database: 'main', table: 'note', rows: [{ id, text: `${id}` }] },
  needs,
});
const PLAN = {
  schemaVersion: 1,
  name: 'notes',
  workspace: 'other',
  databases: { main: { url: '${{ env.MAIN }}' } },
  steps: [
    { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'a' } },
    row(1, ['a']),
    row(2, ['row-1']),
    { id: 'b', use: 'file.write', with: { path: 'b.txt', content: 'b' }, needs: ['row-2'] },
  ],
};

async function checkpointsIn(folder: string): Promise<readonly number[]> {
  await using inspection = await WorkspaceInspection.open(folder, {});
  return inspection.checkpoints(inspection.job().jobId).map(({ seq }) => seq);
}

const notes = (database: string): unknown =>
  sqliteRows(database, 'SELECT id FROM note ORDER BY id').map(({ id }) => id);

test('a fork that has ended goes back in its own folder and database, and the other job stays as it is', async () => {
  const other = join(root, 'other');
  mkdirSync(other);
  sqliteScript(kept, 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)');
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan: PLAN as never, input: {} }],
  });
  await handle.result();
  const [, , afterRow] = await checkpointsIn(other);
  const fork = join(root, 'fork');
  const made = await makeFork(
    other,
    { at: afterRow!, workspace: fork, databases: { main: '${{ env.COPY }}' }, ...WHO },
    ENV,
  );
  const { workflowId } = await client.startFork(made.fork);
  await client.result(workflowId, { wait: true });
  assert.deepEqual(notes(copied), [1, 2]);
  const before = fingerprint(other);
  const own = (await checkpointsIn(fork)).find((seq) => seq > afterRow!)!;
  await client.rewind(workflowId, { to: own, ...WHO });
  const ended = await client.result(workflowId, { wait: true });
  assert.equal(ended.outcome, 'completed', JSON.stringify(ended));
  assert.equal(await client.workspaceOf(workflowId), fork);
  assert.deepEqual(
    [notes(copied), notes(kept)],
    [
      [1, 2],
      [1, 2],
    ],
  );
  assert.equal(readFileSync(join(fork, 'b.txt'), 'utf8'), 'b');
  assert.ok(existsSync(join(other, 'b.txt')));
  assert.deepEqual(fingerprint(other), before);
});
