/**
 * A job is aborted with `compensate` while the job of its sub-plan runs; the workers are killed by SIGKILL at each
 * fault point that they meet from then on. Both jobs are undone as those of which nobody was killed: each statement
 * that takes something back is made once.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { JobStatus } from '../../src/model/job/status.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { testTemporal } from '../support/temporal.ts';
import { subPlanJobs, type SubPlanPlaces } from './support/sub-plan-run.ts';

const KILLS_A_JOB = 8;
const JOBS_AT_ONCE = 3;
const UNTIL_ASKED_MS = 120_000;
const temporal = await testTemporal();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-sub-plan-undo-')));
after(() => rmSync(root, { recursive: true, force: true }));

const noted = (id: string, sql: string, needs: readonly string[] = []): object => ({
  id,
  use: 'db.sql',
  needs,
  with: {
    database: 'main',
    sql,
    writes: ['note'],
    undo: { sql: `INSERT INTO note VALUES ('${id} is undone')`, params: [] },
  },
});
const COMMON = { schemaVersion: 1, workspace: 'unused', databases: { main: { url: 'sqlite:main.db' } } };
const STATEMENTS = [
  noted('table', 'CREATE TABLE note (text TEXT)'),
  noted('row', "INSERT INTO note VALUES ('row')", ['table']),
];
const file = (id: string, needs: string, more: object = {}): object => ({
  id,
  use: 'file.write',
  needs: [needs],
  with: { path: `${id}.md`, content: id },
  ...more,
});
const INNER = {
  ...COMMON,
  name: 'inner',
  steps: [...STATEMENTS, file('text', 'row'), file('last', 'text', { approval: 'before-apply' })],
};
const OUTER = {
  ...COMMON,
  name: 'outer',
  steps: [...STATEMENTS, { id: 'part', use: 'plan.run', needs: ['row'], plan: INNER, workspace: 'part', with: {} }],
};
const ROWS = ['row', 'row is undone', 'table is undone'].map((text) => ({ text }));

/** Once the sub-plan asks. */
async function abort(handle: WorkflowHandle, { part, outside }: SubPlanPlaces): Promise<void> {
  const status = await untilStatus(handle, ({ subPlans = [] }: JobStatus) => subPlans.length > 0, UNTIL_ASKED_MS);
  await untilAsked(temporal.client.workflow.getHandle(status.subPlans![0]!.job), UNTIL_ASKED_MS);
  assert.ok(existsSync(join(part, 'text.md')));
  writeFileSync(join(outside, 'aborted'), '');
  await handle.signal('abort', { by: 'a@example.com', reason: 'not wanted', compensate: true });
}

async function messageOf(handle: WorkflowHandle): Promise<string> {
  const failure = await handle.result().then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(failure instanceof WorkflowFailedError, String(failure));
  return failure.cause?.message ?? '';
}

const parts = ({ outside }: SubPlanPlaces): readonly string[] => [join(outside, 'aborted')];
const run = await subPlanJobs({ temporal, root, plan: OUTER, parts, act: abort, end: messageOf });
const undisturbed = await run();
const points = [...new Set(undisturbed.hits)].filter((point) => point.startsWith('1 '));

test('undone by nobody who is killed: the sub-plan first, then the rest, each statement once', (t) => {
  const { end, places } = undisturbed;
  assert.match(String(end.result), /^Aborted by a@example\.com: not wanted\. Undone: /);
  assert.deepEqual(end.rows, [ROWS, ROWS]);
  assert.ok(!existsSync(join(places.part, 'text.md')));
  t.diagnostic(`${points.length} points`);
  assert.ok(points.length > 25);
});

describe(
  'killed at each point of the undoing in turn, parent and child are undone once',
  { concurrency: JOBS_AT_ONCE },
  () => {
    const groups = Math.ceil(points.length / KILLS_A_JOB);
    for (let group = 0; group < groups; group++) {
      const killOnceAt = points.filter((_, index) => index % groups === group);
      test(`while both are undone, group ${group + 1}`, async (t) => {
        const { end, killed, places } = await run({ killOnceAt });
        t.diagnostic(`${killed.length} workers killed`);
        assert.deepEqual(end, undisturbed.end);
        assert.ok(!existsSync(join(places.part, 'text.md')));
        assert.deepEqual(
          killOnceAt.filter((point) => !killed.includes(point)),
          [],
          'points that it was not killed at',
        );
      });
    }
  },
);
