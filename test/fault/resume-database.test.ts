/**
 * The worker is killed behind the COMMIT of a step, before its record is in any checkpoint; then the server is deleted.
 * Where the workspace is lost with it, only the database knows of the transaction: it is asked about, and repeated by
 * nobody but the person who has taken it back. Where the workspace is there, nobody is asked. The row is there once.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LostCluster, QUEUE } from '../support/lost-cluster.ts';
import { untilAsked } from '../support/job-status.ts';
import { linesOf } from '../support/killing.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';
import { sqliteRows, sqliteScript } from '../support/sqlite.ts';
import { untilTrue } from '../support/until.ts';

const WHO = { by: 'ada@example.com', reason: 'the cluster is gone' };
const TABLE = 'CREATE TABLE paid (nr INTEGER, text TEXT)';
const ROWS = 'SELECT nr FROM paid';
const postgres = await testPostgres();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-lost-rows-')));
after(() => rmSync(root, { recursive: true, force: true }));

interface Subject {
  readonly url: string;
  readonly run: (sql: string) => Promise<void>;
  readonly rows: () => Promise<readonly unknown[]>;
}

const SUBJECTS = {
  SQLite: async (name: string): Promise<Subject> => {
    const path = join(root, `${name}.db`);
    const run = (sql: string): Promise<void> => Promise.resolve(sqliteScript(path, sql));
    await run(TABLE);
    return { url: `sqlite:${path}`, run, rows: () => Promise.resolve(sqliteRows(path, ROWS)) };
  },
  PostgreSQL: async (): Promise<Subject> => {
    const url = await postgres.database();
    const run = async (sql: string): Promise<void> => void (await direct(url, sql));
    await run(TABLE);
    return { url, run, rows: async () => (await direct(url, ROWS)).at(-1)!.rows as unknown[] };
  },
};

/** A table without a key: nothing but the token row keeps the statement from being made twice. */
function planOf(workspace: string): object {
  const sql = "INSERT INTO paid VALUES (7, 'paid')";
  return {
    schemaVersion: 1,
    name: 'paying',
    workspace,
    checkpoint: { store: 'stored' },
    databases: { main: { url: '${{ env.MAIN }}' } },
    steps: [
      { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'a\n' } },
      { id: 'pay', use: 'db.sql', needs: ['a'], with: { database: 'main', sql, writes: ['paid'] } },
      { id: 'c', use: 'file.copy', needs: ['pay'], with: { from: 'a.txt', to: 'c.txt' } },
    ],
  };
}

/** Killed where the database has committed, and nothing else knows of it. */
async function killed(name: string, { url, rows }: Subject): Promise<string> {
  const hits = join(root, `${name}.killed`);
  const killing = { kill: { point: 'commit.database-after', hit: 1 }, killed: hits };
  const cluster = await LostCluster.start({ root, env: { MAIN: url }, killing });
  const args = [{ plan: planOf(name) }];
  const { workflowId } = await cluster.client.workflow.start('agentJob', { workflowId: name, taskQueue: QUEUE, args });
  await untilTrue(() => linesOf(hits).length > 0, { limitMs: 30_000 });
  await cluster.lose();
  assert.equal((await rows()).length, 1);
  return workflowId;
}

for (const dialect of ['SQLite', 'PostgreSQL'] as const) {
  test(`${dialect}: with the workspace lost, the transaction is asked about by its step, and made once`, async () => {
    const name = `lost-${dialect}`;
    const subject = await SUBJECTS[dialect](name);
    const workflowId = await killed(name, subject);
    rmSync(join(root, name), { recursive: true });
    const cluster = await LostCluster.start({ root, env: { MAIN: subject.url } });
    try {
      await cluster.holdfast.resume({ from: `${join(root, 'stored')}/${workflowId}`, workspace: `${name}-2`, ...WHO });
      const handle = cluster.client.workflow.getHandle(workflowId);
      const { findings, digest } = await untilAsked(handle, 30_000);
      assert.deepEqual(
        findings.map(({ kind }) => kind),
        ['token-unknown'],
      );
      const [{ found, advice }] = findings as unknown as [(typeof findings)[0]];
      assert.match(found.text, /a committed transaction of step pay of this job/);
      await cluster.holdfast.decide(workflowId, { answer: 'recheck', ...WHO, digest });
      const again = await untilAsked(handle, 30_000);
      assert.equal(again.findings[0]!.kind, 'token-unknown', 'nobody is past it by looking again');
      assert.equal((await subject.rows()).length, 1);
      // As the question advises.
      await subject.run('DELETE FROM paid WHERE nr = 7');
      await subject.run(/DELETE FROM holdfast_token WHERE token = '[0-9a-f]{64}'/.exec(advice!)![0]);
      await cluster.holdfast.decide(workflowId, { answer: 'recheck', ...WHO, digest: again.digest });
      await handle.result();
      assert.equal((await subject.rows()).length, 1);
      assert.equal(readFileSync(join(root, `${name}-2`, 'c.txt'), 'utf8'), 'a\n');
    } finally {
      await cluster.end();
    }
  });

  test(`${dialect}: with the workspace there, its record knows the transaction, and nobody is asked`, async () => {
    const name = `kept-${dialect}`;
    const subject = await SUBJECTS[dialect](name);
    const workflowId = await killed(name, subject);
    const cluster = await LostCluster.start({ root, env: { MAIN: subject.url } });
    try {
      await cluster.holdfast.resume({ from: `${join(root, 'stored')}/${workflowId}`, ...WHO });
      await cluster.client.workflow.getHandle(workflowId).result();
      assert.equal((await subject.rows()).length, 1);
      assert.equal(readFileSync(join(root, name, 'c.txt'), 'utf8'), 'a\n');
    } finally {
      await cluster.end();
    }
  });
}
