/**
 * A job with a sub-plan on a real server: its workers are killed by SIGKILL at each fault point in turn, before the job
 * of the sub-plan has its record, while that runs, and once it has done its last step. Whoever is killed, each job ends
 * by itself as one that was not killed.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { testBundle } from '../support/bundle.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { chainOf } from '../support/ledger.ts';
import { sqliteRows } from '../support/sqlite.ts';
import { testTemporal } from '../support/temporal.ts';
import { Supervisor } from './support/supervisor.ts';
import type { WorkerOrder } from './support/worker-child.ts';

const PARTS = ['before its record', 'while it runs', 'once its last step is done'] as const;
/** The server waits longer each time that the same Activity loses its worker. */
const KILLS_A_JOB = 8;
const JOBS_AT_ONCE = 3;
const temporal = await testTemporal();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-sub-plan-matrix-')));
after(() => rmSync(root, { recursive: true, force: true }));
const bundlePath = join(root, 'bundle.json');
writeFileSync(bundlePath, JSON.stringify(await testBundle()));

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

interface JobEnd {
  readonly result: unknown;
  /** Of both records: kinds, and of steps which and under which generation. */
  readonly outer: readonly string[];
  readonly inner: readonly string[];
  readonly rows: unknown;
  readonly texts: readonly string[];
  /** Runs of Workflows that belong to the job. */
  readonly runs: number;
}

interface Ran {
  readonly end: JobEnd;
  readonly killed: readonly string[];
  readonly hits: readonly string[];
}

let jobs = 0;

async function run(killing: (outside: string) => Killing): Promise<Ran> {
  const folder = join(root, `job-${++jobs}`);
  const [workspace, outside] = [join(folder, 'workspace'), join(folder, 'outside')];
  mkdirSync(outside, { recursive: true });
  const taskQueue = temporal.unique('queue');
  const parts = [join(workspace, 'part/.holdfast/ledger.sqlite'), join(workspace, 'part/text.md')];
  const { address, namespace } = temporal;
  const places = { workspace, outside, databaseUrl: 'sqlite:none.db', callUrl: '' } as unknown as WorkerOrder;
  const order = { ...places, address, namespace, taskQueue, bundlePath, parts, ...killing(outside) };
  const supervisor = new Supervisor(order);
  supervisor.start();
  try {
    const workflowId = temporal.unique('outer');
    const args: [{ plan: never; workspace: string }] = [{ plan: OUTER as never, workspace }];
    const handle = await temporal.client.workflow.start(agentJob, { workflowId, taskQueue, args });
    const result = await Promise.race([handle.result(), supervisor.failure]);
    return { end: await endOf(workspace, workflowId, result), ...seen(outside) };
  } finally {
    await supervisor.stop();
  }
}

const seen = (outside: string): Omit<Ran, 'end'> => ({
  killed: linesOf(join(outside, 'killed')),
  hits: linesOf(join(outside, 'hits')),
});

async function endOf(workspace: string, workflowId: string, result: unknown): Promise<JobEnd> {
  const { jobId } = await temporal.client.workflow.getHandle(workflowId).query<{ readonly jobId: string }>('status');
  const ids = new Set<string>();
  let runs = 0;
  for await (const info of temporal.client.workflow.list({ query: `WorkflowId STARTS_WITH '${workflowId}'` })) {
    ids.add(info.workflowId);
    runs += 1;
  }
  const [sub, ...others] = [...ids].filter((id) => id !== workflowId);
  assert.deepEqual(others, [], 'the sub-plan has one job');
  const subStatus = await temporal.client.workflow.getHandle(sub!).query<{ readonly jobId: string }>('status');
  const part = join(workspace, 'part');
  return {
    result,
    outer: recordedIn(workspace, jobId),
    inner: recordedIn(part, subStatus.jobId),
    rows: [workspace, part].map((folder) => sqliteRows(join(folder, 'main.db'), 'SELECT text FROM note')),
    texts: ['part/text.md', 'copy.md'].map((path) => readFileSync(join(workspace, path), 'utf8')),
    runs,
  };
}

/** Decisions and questions would show, too: nobody is asked. */
function recordedIn(workspace: string, jobId: string): readonly string[] {
  return chainOf(workspace, jobId).map((record) =>
    record.kind === 'step' ? `${record.stepId} ${record.generation}` : record.kind,
  );
}

const undisturbed = await run((outside) => ({ hits: join(outside, 'hits') }));
const points = [...new Set(undisturbed.hits)];

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
  assert.deepEqual([end.texts, end.runs], [['once', 'once'], 2]);
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
        const { end, killed } = await run((outside) => ({ killOnceAt, killed: join(outside, 'killed') }));
        t.diagnostic(`${killed.length} workers killed`);
        assert.deepEqual(end, undisturbed.end);
        assert.deepEqual(
          killOnceAt.filter((point) => !killed.includes(point)),
          [],
          'points that it was not killed at',
        );
      });
    }
  }
});
