/** `abort` with `compensate` on a real server, of a plan whose steps set a database's own acts off. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { HoldfastClient } from '../../src/client/jobs.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { untilStatus } from '../support/job-status.ts';
import { chainOf } from '../support/ledger.ts';
import { testWorker } from '../support/running-worker.ts';
import { sqliteRows, sqliteScript } from '../support/sqlite.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-undo-database-'));
const client = new HoldfastClient({
  client: temporal.client,
  connection: temporal.connection,
  address: temporal.address,
  taskQueue,
});

const remove = defineStep({ name: 'remove-parent', input: z.strictObject({ id: z.int() }), output: z.null() });

testWorker(temporal, {
  taskQueue,
  root,
  steps: [
    implementStep(remove, async (ctx, { id }) => {
      await ctx.db('main').delete('parent', { id });
      return null;
    }),
  ],
});

after(() => rmSync(root, { recursive: true, force: true }));

const PLAN = {
  schemaVersion: 1,
  name: 'family',
  workspace: 'unused',
  databases: { main: { url: 'sqlite:main.db' } },
  steps: [
    {
      id: 'child',
      use: 'db.upsert',
      with: { database: 'main', table: 'child', rows: [{ id: 7, text: 'by the job', parent: 1 }] },
    },
    { id: 'remove', use: 'remove-parent', with: { id: 1 }, needs: ['child'] },
    {
      id: 'asks',
      use: 'file.write',
      with: { path: 'asks.txt', content: 'asks' },
      needs: ['remove'],
      approval: 'before-apply',
    },
  ],
};

test(
  'a plan whose parent row took along what an earlier step wrote is undone whole, and nobody is asked',
  { timeout: 60_000 },
  async () => {
    const workspace = join(root, 'family');
    mkdirSync(workspace);
    const file = join(workspace, 'main.db');
    sqliteScript(
      file,
      `CREATE TABLE parent (id integer PRIMARY KEY, text text);
       CREATE TABLE child (id integer PRIMARY KEY, text text, parent integer REFERENCES parent ON DELETE CASCADE);
       INSERT INTO parent VALUES (1, 'one');
       INSERT INTO child VALUES (7, 'seven', 1)`,
    );
    const world = (): unknown => [sqliteRows(file, 'SELECT * FROM parent'), sqliteRows(file, 'SELECT * FROM child')];
    const before = world();
    const handle = await temporal.client.workflow.start(agentJob, {
      workflowId: temporal.unique('family'),
      taskQueue,
      args: [{ plan: PLAN, workspace }],
    });
    const { jobId } = await untilStatus(handle, (status) => status.questions.length > 0, 30_000);
    assert.deepEqual(world(), [[], []], 'the child went along with its parent');
    const by = { by: 'ada@example.com', reason: 'over' };
    await client.decide(handle.workflowId, { answer: 'abort', compensate: true, ...by });
    const end = await handle.result().then(
      () => '',
      (error: Error) => (error.cause as Error).message,
    );
    assert.match(end, /Undone: 2 steps/);
    assert.doesNotMatch(end, /Not undone/);
    assert.deepEqual(world(), before);
    const decisions = chainOf(workspace, jobId).filter(({ kind }) => kind === 'decision');
    assert.equal(decisions.length, 1, 'nobody has decided anything but the abort');
  },
);
