/** A job end to end on a real server: plan, worker, questions, decisions. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { bundleWorkflows, createWorker, type HoldfastWorker } from '../../src/worker.ts';
import type { JobStatus } from '../../src/model/status.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-agent-job-'));
let worker: HoldfastWorker;
let running: Promise<void>;

before(async () => {
  worker = await createWorker({
    address: temporal.address, namespace: temporal.namespace, taskQueue, workspaceRoot: root, workflowBundle: await bundleWorkflows(),
    env: { HOLDFAST_STATE_DIR: join(root, 'state') },
  });
  running = worker.run();
});

after(async () => {
  worker.shutdown();
  await running;
  rmSync(root, { recursive: true, force: true });
});

const plan = {
  schemaVersion: 1,
  name: 'notes',
  workspace: 'notes',
  databases: { main: { url: 'sqlite:main.db' } },
  state: { files: { reducer: 'append' } },
  steps: [
    { id: 'table', use: 'db.sql', with: { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)', writes: ['note'] } },
    { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'A' }, needs: ['table'], state: { files: '${{ output.path }}' } },
    { id: 'b', use: 'file.write', with: { path: 'b.txt', content: 'B' }, needs: ['table'], state: { files: '${{ output.path }}' } },
    { id: 'pause', use: 'wait', with: { seconds: 2 }, needs: ['a', 'b'] },
    { id: 'row', use: 'db.upsert', with: { database: 'main', table: 'note', rows: [{ id: 1, text: '${{ steps.a.output.digest }}' }] }, needs: ['pause'] },
  ],
};

async function eventually<T>(look: () => Promise<T>, holds: (value: T) => boolean, limitMs = 20_000): Promise<T> {
  for (const end = Date.now() + limitMs; ; ) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > end) assert.fail(`did not come about within ${limitMs} ms: ${JSON.stringify(value, null, 1).slice(0, 3000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('a plan runs to its end and gives back state and outputs', async () => {
  const result = await temporal.client.workflow.execute(agentJob, { workflowId: temporal.unique('job'), taskQueue, args: [{ plan, workspace: 'end-to-end' }] });
  assert.deepEqual(result.state, { files: ['a.txt', 'b.txt'] });
  assert.equal(readFileSync(join(root, 'end-to-end', 'b.txt'), 'utf8'), 'B');
});

test('an edit by a person is asked about, decided by a plain Signal, and the job ends', async () => {
  const handle = await temporal.client.workflow.start(agentJob, { workflowId: temporal.unique('job'), taskQueue, args: [{ plan: { ...plan, verifyAfterMinutes: 0.01 }, workspace: 'edited' }] });
  await eventually(() => handle.query<JobStatus>('status'), (status) => status.steps.filter(({ state }) => state === 'done').length === 3);
  writeFileSync(join(root, 'edited', 'a.txt'), 'edited by a person');
  const { questions } = await eventually(() => handle.query<JobStatus>('status'), (status) => status.questions.length > 0);
  assert.equal(questions[0]!.findings[0]!.resource, 'file:a.txt');
  assert.match(questions[0]!.findings[0]!.difference, /edited by a person/);
  await handle.signal('decide', { digest: questions[0]!.digest, answer: 'restore', by: 'test@example.com', reason: 'ours is right' });
  await handle.result();
  assert.equal(readFileSync(join(root, 'edited', 'a.txt'), 'utf8'), 'A');
});
