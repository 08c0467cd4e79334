/** Workers that run a job and the jobs of its sub-plans are killed by SIGKILL, again and again: each effect is once. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { testTemporal } from '../support/temporal.ts';
import { workerProcesses } from '../support/worker-process.ts';

const ROUNDS = 6;
const KILLS = 10;
const temporal = await testTemporal();

const round = {
  schemaVersion: 1,
  name: 'round',
  workspace: 'unused',
  input: { type: 'object', properties: { round: { type: 'integer' } }, required: ['round'] },
  databases: { main: { url: 'sqlite:main.db' } },
  steps: [
    {
      id: 'table',
      use: 'db.sql',
      with: { database: 'main', sql: 'CREATE TABLE IF NOT EXISTS note (round INTEGER)', writes: ['note'] },
    },
    {
      id: 'row',
      use: 'db.sql',
      needs: ['table'],
      with: { database: 'main', sql: 'INSERT INTO note VALUES (?)', params: ['${{ input.round }}'], writes: ['note'] },
    },
    { id: 'text', use: 'file.write', needs: ['row'], with: { path: 'text.md', content: 'round ${{ input.round }}' } },
  ],
};

test('workers killed while sub-plans run in rounds: each statement is made once, and the job ends', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-sub-plan-kills-'));
  const taskQueue = temporal.unique('queue');
  const { address, namespace } = temporal;
  const start = await workerProcesses({ address, namespace, taskQueue, root });
  const plan = {
    schemaVersion: 1,
    name: 'rounds',
    workspace: 'job',
    steps: [
      {
        id: 'again',
        use: 'plan.run',
        plan: round,
        workspace: 'rounds',
        with: { round: '${{ round }}' },
        until: { ge: ['${{ round }}', ROUNDS] },
        maxRounds: ROUNDS,
      },
    ],
  };
  const workflowId = temporal.unique('kills');
  const handle = await temporal.client.workflow.start('agentJob', { taskQueue, workflowId, args: [{ plan }] });
  let worker = await start();
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      await delay(100 + Math.random() * 700);
      await worker.kill();
      worker = await start();
    }
    await handle.result();
  } finally {
    await worker.end();
  }
  const database = new DatabaseSync(join(root, 'job/rounds/main.db'), { readOnly: true });
  const rows = database.prepare('SELECT round FROM note ORDER BY round').all();
  database.close();
  t.diagnostic(`${KILLS} workers killed, ${rows.length} rows`);
  assert.deepEqual(
    rows.map((row) => row['round']),
    Array.from({ length: ROUNDS }, (_, index) => index + 1),
  );
  assert.equal(readFileSync(join(root, 'job/rounds/text.md'), 'utf8'), `round ${ROUNDS}`);
  rmSync(root, { recursive: true, force: true });
});
