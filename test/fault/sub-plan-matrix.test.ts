/**
 * A job with a sub-plan on a real server: its workers are killed by SIGKILL at each fault point in turn, before the job
 * of the sub-plan has its record, while that runs, and once it has done its last step. Whoever is killed, each job ends
 * by itself as one that was not killed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { testTemporal } from '../support/temporal.ts';
import { subPlanJobs, type SubPlanRun } from './support/sub-plan-run.ts';

const PARTS = ['before its record', 'while it runs', 'once its last step is done'] as const;
/** The server waits longer each time that the same Activity loses its worker. */
const KILLS_A_JOB = 8;
const JOBS_AT_ONCE = 3;
const temporal = await testTemporal();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-sub-plan-matrix-')));
after(() => rmSync(root, { recursive: true, force: true }));

const statement = (id: string, sql: string, needs: readonly string[] = []): object => ({
  id,
  use: 'db.sql',
  needs,
  with: { database: 'main', sql, writes: ['note'] },
});
const CREATE = 'CREATE TABLE note (text TEXT)';
const INNER = {
  schemaVersion: 1,
  name: 'inner',
  workspace: 'unused',
  databases: { main: { url: 'sqlite:main.db' } },
  input: { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] },
  steps: [
    statement('table', CREATE),
    statement('row', "INSERT INTO note VALUES ('inner')", ['table']),
    { id: 'text', use: 'file.write', needs: ['row'], with: { path: 'text.md', content: '${{ input.title }}' } },
  ],
};
const OUTER = {
  schemaVersion: 1,
  name: 'outer',
  workspace: 'unused',
  databases: { main: { url: 'sqlite:main.db' } },
  steps: [
    statement('table', CREATE),
    { id: 'part', use: 'plan.run', needs: ['table'], plan: INNER, workspace: 'part', with: { title: 'once' } },
    statement('row', "INSERT INTO note VALUES ('outer')", ['part']),
    {
      id: 'copy',
      use: 'file.copy',
      needs: ['row'],
      with: { from: 'part/${{ steps.part.output.outputs.text.path }}', to: 'copy.md' },
    },
  ],
};

const run = await subPlanJobs({
  temporal,
  root,
  plan: OUTER,
  parts: ({ part }) => [join(part, '.holdfast/ledger.sqlite'), join(part, 'text.md')],
});
const undisturbed = await run();
const points = [...new Set(undisturbed.hits)];

function textsIn({ places: { workspace } }: SubPlanRun): readonly string[] {
  return ['part/text.md', 'copy.md'].map((path) => readFileSync(join(workspace, path), 'utf8'));
}

test('a job that nobody disturbs has one job of its sub-plan, and each of its points belongs to a part', (t) => {
  const { end } = undisturbed;
  assert.deepEqual(
    end.outer.filter((record) => record.includes(' ')),
    ['table 0', 'part/job 0', 'part 0', 'row 0', 'copy 0'],
  );
  assert.deepEqual(
    end.inner.filter((record) => record.includes(' ')),
    ['table 0', 'row 0', 'text 0'],
  );
  assert.deepEqual(end.rows, [[{ text: 'outer' }], [{ text: 'inner' }]]);
  assert.deepEqual([textsIn(undisturbed), end.runs], [['once', 'once'], 2]);
  for (const [part, what] of PARTS.entries()) {
    const met = points.filter((point) => point.startsWith(`${part} `));
    t.diagnostic(`${what}: ${met.length} points`);
    assert.ok(met.length > 20, what);
  }
});

describe('killed at each point in turn, parent and child end once', { concurrency: JOBS_AT_ONCE }, () => {
  for (const [part, what] of PARTS.entries()) {
    const met = points.filter((point) => point.startsWith(`${part} `));
    const groups = Math.ceil(met.length / KILLS_A_JOB);
    for (let group = 0; group < groups; group++) {
      const killOnceAt = met.filter((_, index) => index % groups === group);
      test(`${what}, group ${group + 1}`, async (t) => {
        const ran = await run({ killOnceAt });
        const { end, killed } = ran;
        t.diagnostic(`${killed.length} workers killed`);
        assert.deepEqual(end, undisturbed.end);
        assert.deepEqual(textsIn(ran), ['once', 'once']);
        assert.deepEqual(
          killOnceAt.filter((point) => !killed.includes(point)),
          [],
          'points that it was not killed at',
        );
      });
    }
  }
});
