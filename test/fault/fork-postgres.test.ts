/** A fork of a job with a PostgreSQL database: a copy made by the server, taken back to the checkpoint. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { withStoredJob } from '../../src/fork/stored-source.ts';
import { makeFork } from '../../src/fork/make-fork.ts';
import type { ForkOptions } from '../../src/fork/options.ts';
import type { PreparedFork } from '../../src/fork/prepared.ts';
import { isFailure } from '../../src/model/failure.ts';
import { noteOf } from '../../src/model/checkpoint/note.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobMemory } from '../../src/testing.ts';
import { memoryOfFork } from '../support/forked-job.ts';
import { sealAll } from '../support/stored-job.ts';
import { checkpointsOf } from '../support/rewound-job.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';

const postgres = await testPostgres();
const root = mkdtempSync(join(tmpdir(), 'holdfast-fork-postgres-'));
after(() => rmSync(root, { recursive: true, force: true }));

const change = defineStep({ name: 'change', input: z.object({ n: z.number() }), output: z.object({}) });
const steps = [
  implementStep(change, async (ctx, { n }) => {
    const db = ctx.db('main');
    await db.upsert('note', { id: 1, text: `${n}` });
    await db.upsert('note', { id: 10 + n, text: `${n}` });
    if (n === 2) await db.delete('parent', { id: 1 });
    const undo = { text: 'UPDATE account SET n = n - $1', params: [n] };
    await db.sql('UPDATE account SET n = n + $1', [n], { writes: ['account'], undo });
    return {};
  }),
];
const input = noteOf({ parent: null, source: 'input', step: -1, tasks: [], next: ['one'], begins: {}, writes: [] });
const loop = noteOf({ parent: input.digest, source: 'loop', step: 0, tasks: [], next: ['two'], writes: [] });

function open(workspace: string, reference: string, env: Record<string, string>, resume?: TestJobMemory): TestJob {
  const more = resume === undefined ? {} : { resume };
  return openTestJob({ workspace, steps, databases: { main: reference }, env, ...more });
}

async function rowsOf(url: string): Promise<unknown> {
  const tables = ['note', 'parent', 'child', 'account'];
  return await Promise.all(
    tables.map(async (table) => (await direct(url, `SELECT * FROM ${table} ORDER BY id`)).at(-1)!.rows as unknown),
  );
}

/** What was there before the job. */
const BASE = [
  'CREATE TABLE note (id int PRIMARY KEY, text text)',
  'CREATE TABLE parent (id int PRIMARY KEY)',
  'CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE)',
  'CREATE TABLE account (id int PRIMARY KEY, n int)',
  'INSERT INTO parent VALUES (1)',
  'INSERT INTO child VALUES (7, 1)',
  'INSERT INTO account VALUES (1, 0)',
];

/** In the middle: before the second step. */
async function withJob(
  test: (given: {
    job: TestJob;
    url: string;
    env: Record<string, string>;
    at: number;
    before: unknown;
  }) => Promise<void>,
): Promise<void> {
  const url = await postgres.database();
  await direct(url, ...BASE);
  const fork = new URL(url);
  fork.pathname = `${fork.pathname}_fork`;
  const env = { DB: url, FORK_DB: fork.href };
  const job = open(mkdtempSync(join(root, 'job-')), '${{ env.DB }}', env);
  try {
    await job.step(change, { n: 1 }, { stepId: 'one', checkpoints: [input] });
    const before = await rowsOf(url);
    await job.step(change, { n: 2 }, { stepId: 'two', checkpoints: [loop] });
    await test({ job, url, env, at: checkpointsOf(job)[1]!, before });
  } finally {
    await job.close();
    await direct(postgres.adminUrl, `DROP DATABASE IF EXISTS "${fork.pathname.slice(1)}" WITH (FORCE)`);
  }
}

async function refused(made: Promise<unknown>): Promise<string> {
  try {
    await made;
  } catch (error) {
    assert.ok(isFailure(error, 'bad-input', 'busy', 'missing-variable'), String(error));
    return error.message;
  }
  assert.fail('it was made');
}

function forking(job: TestJob, env: Record<string, string>) {
  return async (options: Partial<ForkOptions> & Pick<ForkOptions, 'at'>): Promise<PreparedFork> =>
    await makeFork(job.workspace, { workspace: `${job.workspace}-fork`, by: 'test', ...options }, env);
}

const databases = { main: '${{ env.FORK_DB }}' };

test('the fork’s rows are as at the checkpoint, also what keys and statements changed; the other stays', async () => {
  await withJob(async ({ job, url, env, at, before }) => {
    const fork = forking(job, env);
    const inUse = await refused(fork({ at, databases }));
    assert.match(inUse, /only while nobody is connected to it, and test_\w+ has 1/);
    assert.equal(existsSync(`${job.workspace}-fork`), false);
    const other = await rowsOf(url);
    await job.close();
    const made = await fork({ at, databases });
    assert.deepEqual(await rowsOf(env['FORK_DB']!), before);
    assert.deepEqual(await rowsOf(url), other);
    const forked = open(`${job.workspace}-fork`, '${{ env.FORK_DB }}', env, memoryOfFork(made));
    try {
      const verified = await forked.verify();
      assert.equal(verified.kind, 'verified', JSON.stringify(verified));
      await forked.step(change, { n: 1 }, { stepId: 'one' });
      assert.deepEqual(await rowsOf(env['FORK_DB']!), before, 'it was done');
      await forked.step(change, { n: 2 }, { stepId: 'two' });
      assert.deepEqual(await rowsOf(env['FORK_DB']!), other);
      assert.equal((await forked.verify()).kind, 'verified');
      const tokens = await direct(url, 'SELECT token FROM holdfast_token');
      assert.equal(tokens.at(-1)!.rows.length, 2, 'none of the fork’s is in the other one');
    } finally {
      await forked.close();
    }
  });
});

test('a database without a place, one that is there, or a URL with a password is refused', async () => {
  await withJob(async ({ job, url, env, at }) => {
    await job.close();
    const fork = forking(job, env);
    assert.match(await refused(fork({ at })), /where the fork's database "main" is to be/);
    assert.match(await refused(fork({ at, databases: { main: '${{ env.DB }}' } })), /is the other job's own/);
    assert.match(await refused(fork({ at, databases: { main: env['FORK_DB']! } })), /would show the password/);
    assert.match(
      await refused(fork({ at, databases: { main: 'sqlite:x.db' } })),
      /is a PostgreSQL database; the fork's/,
    );
    assert.match(await refused(fork({ at, databases: { main: '${{ env.NONE }}' } })), /has no NONE/);
    const there = await postgres.database(url);
    const taken = { ...env, FORK_DB: there };
    const made = forking(job, taken)({ at, databases });
    assert.match(await refused(made), /the database is there already, with \d tables/);
    assert.equal(existsSync(`${job.workspace}-fork`), false);
  });
});

test('rows that a person has changed are named, and the copy does not stay', async () => {
  await withJob(async ({ job, url, env, at }) => {
    await job.close();
    await direct(url, "UPDATE note SET text = 'a person' WHERE id = 12");
    assert.match(await refused(forking(job, env)({ at, databases })), /row:main\/note\/\{"id":12\}/);
    const name = new URL(env['FORK_DB']!).pathname.slice(1);
    const left = await direct(url, `SELECT 1 FROM pg_database WHERE datname = '${name}'`);
    assert.equal(left.at(-1)!.rows.length, 0);
  });
});

async function tablesIn(url: string): Promise<unknown> {
  const [found] = await direct(url, "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'");
  return (found!.rows as { readonly n: number }[])[0]!.n;
}

test('an empty database is filled by its base and the record, while the other job goes on', async () => {
  await withJob(async ({ job, url, env, at, before }) => {
    const there = { ...env, FORK_DB: await postgres.database() };
    const other = await rowsOf(url);
    // As pg_dump writes it.
    const base = `SELECT pg_catalog.set_config('search_path', '', false);\n${BASE.join(';\n').replaceAll(
      /(TABLE|INTO|REFERENCES) (?=\w)/g,
      '$1 public.',
    )};`;
    const made = await forking(job, there)({ at, databases, bases: { main: base } });
    assert.deepEqual(await rowsOf(there.FORK_DB), before);
    assert.deepEqual(await rowsOf(url), other);
    const forked = open(`${job.workspace}-fork`, '${{ env.FORK_DB }}', there, memoryOfFork(made));
    try {
      const verified = await forked.verify();
      assert.equal(verified.kind, 'verified', JSON.stringify(verified));
      await forked.step(change, { n: 1 }, { stepId: 'one' });
      assert.deepEqual(await rowsOf(there.FORK_DB), before, 'it was done');
      await forked.step(change, { n: 2 }, { stepId: 'two' });
      assert.deepEqual(await rowsOf(there.FORK_DB), other);
      assert.equal((await forked.verify()).kind, 'verified');
    } finally {
      await forked.close();
    }
    await job.step(change, { n: 3 }, { stepId: 'three' });
    assert.equal((await job.verify()).kind, 'verified', 'the other job goes on');
  });
});

test('a database that is not empty, and a base that does not come to what was there, change nothing', async () => {
  await withJob(async ({ job, env, at }) => {
    const there = { ...env, FORK_DB: await postgres.database() };
    const fork = async (...statements: readonly string[]): Promise<string> => {
      const bases = { main: statements.join(';') };
      const message = await refused(forking(job, there)({ at, databases, bases }));
      assert.equal(existsSync(`${job.workspace}-fork`), false);
      return message;
    };
    assert.match(await refused(forking(job, there)({ at, databases })), /is there already, and empty\. Expected SQL/);
    assert.match(await fork('CREATE TABLE note (id int'), /The base could not be made: .*syntax error/);
    assert.match(await fork('SELECT 1; COMMIT'), /The base could not be made/);
    assert.match(await fork(...BASE.slice(0, 3)), /On this base what step one did can't be done: .*account/);
    assert.match(
      await fork(...BASE, "INSERT INTO note VALUES (1, 'x')"),
      /step one .*: row:main\/note\/\{"id":1\} is not/,
    );
    const loud =
      "CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.text = '!'; RETURN NEW; END $$";
    const trigger = 'CREATE TRIGGER loud BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION loud()';
    assert.match(await fork(...BASE, loud, trigger), /these rows are not as checkpoint \d+ has them: row:main\/note/);
    const [note, ...rest] = BASE;
    assert.match(await fork(note!.replace(')', ', more int)'), ...rest), /makes table note otherwise than the record/);
    assert.equal(await tablesIn(there.FORK_DB), 0, 'it is as it was');
    await direct(there.FORK_DB, 'CREATE TABLE own (id int)');
    assert.match(await fork(...BASE), /is there already, with 1 table\. Expected one that is empty/);
    assert.equal(await tablesIn(there.FORK_DB), 1);
    assert.match(await refused(forking(job, env)({ at, databases, bases: { main: 'x' } })), /there is no database/);
    assert.match(await refused(forking(job, there)({ at, databases, bases: { mian: 'x' } })), /no database "mian"/);
  });
});

test('from a store a database is made from its base; without one, or for a SQLite file, it is refused', async () => {
  await withJob(async ({ job, env, at, before }) => {
    await sealAll(job);
    const { jobId, workspace } = job;
    const there = { ...env, FORK_DB: await postgres.database() };
    const fork = async (more: Partial<ForkOptions>): Promise<PreparedFork> => {
      const options = { job: jobId, at, workspace: `${workspace}-fork`, by: 'test', ...more };
      const from = { store: join(root, 'store'), jobId, base: root };
      return await withStoredJob(from, { options, env: there }, (folder) => makeFork(folder, options, there));
    };
    const bases = { main: BASE.join(';') };
    assert.match(await refused(fork({ databases })), /A store has no copy of database "main"/);
    assert.match(await refused(fork({ bases, databases: { main: 'sqlite:x.db' } })), /a SQLite file is forked from/);
    assert.equal(await tablesIn(there.FORK_DB), 0);
    const made = await fork({ bases, databases });
    assert.deepEqual(await rowsOf(there.FORK_DB), before);
    const forked = open(`${workspace}-fork`, '${{ env.FORK_DB }}', there, memoryOfFork(made));
    try {
      assert.equal((await forked.verify()).kind, 'verified');
    } finally {
      await forked.close();
    }
  });
});
