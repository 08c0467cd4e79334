/**
 * The server is deleted, and with it all that it knew of a fork with a PostgreSQL database: whoever resumes the fork
 * says where that is. It goes on as itself, each row written once, and the job that it was forked from stays as it is.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeFork } from '../../src/fork/make-fork.ts';
import type { Question } from '../../src/model/question/question.ts';
import { cli } from '../support/cli-terminal.ts';
import { fingerprint } from '../support/forked-job.ts';
import { untilAsked } from '../support/job-status.ts';
import { LostCluster, QUEUE } from '../support/lost-cluster.ts';
import { checkpointsIn } from '../support/noting-jobs.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';

const WHO = { by: 'ada@example.com', reason: 'the cluster is gone' };
const TABLE = 'CREATE TABLE note (id int PRIMARY KEY, text text, n int NOT NULL DEFAULT 0)';
const LIMIT_MS = 60_000;
const postgres = await testPostgres();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-lost-postgres-fork-')));
after(() => rmSync(root, { recursive: true, force: true }));

const row = (id: number, needs: string, more: object = {}): object => ({
  id: `row-${id}`,
  use: 'db.sql',
  with: {
    database: 'main',
    // Done twice, it shows.
    sql: `INSERT INTO note VALUES (${id}, 'row ${id}', 1) ON CONFLICT (id) DO UPDATE SET n = note.n + 1`,
    writes: ['note'],
    undo: { sql: `DELETE FROM note WHERE id = ${id}` },
  },
  needs: [needs],
  ...more,
});

function planOf(workspace: string): object {
  return {
    schemaVersion: 1,
    name: 'notes',
    workspace,
    checkpoint: { store: 'stored' },
    databases: { main: { url: '${{ env.MAIN }}', base: TABLE } },
    state: { seen: { reducer: 'append' } },
    steps: [
      { id: 'a', use: 'file.write', with: { path: 'in/a.txt', content: 'a\n' }, state: { seen: 'a' } },
      row(1, 'a'),
      row(2, 'row-1', { state: { seen: 'row-2' } }),
      {
        id: 'c',
        use: 'file.copy',
        needs: ['row-2'],
        approval: 'before-apply',
        with: { from: 'in/a.txt', to: 'c.txt' },
        state: { seen: 'c' },
      },
      row(3, 'c', { state: { seen: 'row-3' } }),
    ],
  };
}

const ROWS = [1, 2, 3].map((id) => ({ id, text: `row ${id}`, n: 1 }));

async function rowsOf(url: string): Promise<unknown> {
  return (await direct(url, 'SELECT * FROM note ORDER BY id')).at(-1)!.rows;
}

async function told(folder: string): Promise<readonly string[]> {
  return (await checkpointsIn(folder)).map(({ source, step }) => `${source} ${step}`);
}

interface Lost {
  readonly url: string;
  readonly copy: string;
  readonly workflowId: string;
  readonly folder: string;
  readonly resume: (cluster: LostCluster, workspace: string, env: Record<string, string>) => Promise<void>;
}

/** A fork that waits for an approval, its cluster gone. @param isCopied else it was filled from the plan's base */
async function lostFork(name: string, isCopied: boolean): Promise<Lost> {
  const url = await postgres.database();
  await direct(url, TABLE);
  const to = new URL(isCopied ? url : await postgres.database());
  if (isCopied) to.pathname = `${to.pathname}_fork`;
  const copy = to.href;
  if (isCopied)
    after(() => direct(postgres.adminUrl, `DROP DATABASE IF EXISTS "${to.pathname.slice(1)}" WITH (FORCE)`));
  const env = { MAIN: url, COPY: copy };
  mkdirSync(join(root, name));
  const first = await LostCluster.start({ root, env });
  const plan = planOf(name);
  const start = { workflowId: `job-${name}`, taskQueue: QUEUE, args: [{ plan }] };
  const original = await first.client.workflow.start('agentJob', start);
  await untilAsked(original, LIMIT_MS);
  const [, , afterRow] = await checkpointsIn(join(root, name));
  const folder = join(root, `${name}-fork`);
  // A server copies a database only while nobody is connected to it.
  await direct(
    postgres.adminUrl,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${new URL(url).pathname.slice(1)}'`,
  );
  const options = { at: afterRow!.seq, workspace: folder, databases: { main: '${{ env.COPY }}' }, ...WHO };
  const { fork } = await makeFork(join(root, name), options, env);
  const { workflowId } = await first.holdfast.startFork(fork);
  await untilAsked(first.client.workflow.getHandle(workflowId), LIMIT_MS);
  await first.lose();
  return {
    url,
    copy,
    workflowId,
    folder,
    resume: async ({ address }, workspace, variables) => {
      const from = ['--from', `${join(root, 'stored')}/${workflowId}`, '--reason', 'lost', '--address', address];
      const without = await cli(['resume', ...from], { env: variables });
      assert.equal(without.code, 2, without.out);
      assert.match(without.err, /is a fork of job-.*--workspace FOLDER, --database main='\$\{\{ env\.NAME \}\}'/s);
      const places = ['--workspace', workspace, '--database', 'main=${{ env.COPY }}', '--task-queue', QUEUE];
      const ran = await cli(['resume', ...from, ...places], { env: variables });
      assert.equal(ran.code, 0, ran.err);
    },
  };
}

const WAYS = [
  ['its own folder, its database copied', 'own', true],
  ['a new folder, its database copied', 'new', true],
  ['a new folder, its database filled from a base', 'filled', false],
] as const;

for (const [where, name, isCopied] of WAYS)
  test(`PostgreSQL: a fork is resumed in ${where}, and each row is written once`, async () => {
    const { url, copy, workflowId, folder, resume } = await lostFork(name, isCopied);
    const [before, otherRows] = [fingerprint(join(root, name)), await rowsOf(url)];
    const checkpoints = await told(folder);
    const env = { MAIN: url, COPY: copy };
    const second = await LostCluster.start({ root, env });
    try {
      const again = name === 'own' ? folder : join(root, `${name}-again`);
      await resume(second, again, env);
      const resumed = second.client.workflow.getHandle(workflowId);
      const { kind, stepId, digest, findings } = await untilAsked(resumed, LIMIT_MS);
      assert.deepEqual([kind, stepId], ['approval', 'c'], JSON.stringify(findings));
      await second.holdfast.decide(workflowId, { answer: 'approve', ...WHO, digest });
      const { state } = (await resumed.result()) as { readonly state: unknown };
      assert.deepEqual(state, { seen: ['a', 'row-2', 'c', 'row-3'] });
      for (const path of ['in/a.txt', 'c.txt']) assert.equal(readFileSync(join(again, path), 'utf8'), 'a\n');
      assert.deepEqual(await rowsOf(copy), ROWS);
      assert.deepEqual((await told(again)).slice(0, checkpoints.length), checkpoints);
      assert.deepEqual([fingerprint(join(root, name)), await rowsOf(url)], [before, otherRows]);
    } finally {
      await second.end();
    }
  });

test('PostgreSQL: a fork whose database is gone, too, asks about what is missing before any step runs', async () => {
  const { url, workflowId, resume } = await lostFork('emptied', false);
  const empty = await postgres.database();
  const env = { MAIN: url, COPY: empty };
  const second = await LostCluster.start({ root, env });
  try {
    await resume(second, join(root, 'emptied-again'), env);
    const question: Question = await untilAsked(second.client.workflow.getHandle(workflowId), LIMIT_MS);
    assert.notEqual(question.kind, 'approval', JSON.stringify(question.findings));
    const named = question.findings.map(({ resource }) => resource);
    assert.ok(
      named.some((resource) => resource.includes('main')),
      JSON.stringify(question.findings.map(({ resource, kind, found }) => [resource, kind, found.text])),
    );
    const tables = await direct(empty, "SELECT 1 FROM pg_tables WHERE tablename = 'note'");
    assert.equal(tables.at(-1)!.rows.length, 0);
  } finally {
    await second.end();
  }
});
