/**
 * Paths, tables and columns of any name, in a real folder and in real databases: what a job writes is where its name
 * says or nowhere, and nothing else has changed.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import * as z from 'zod';
import { isFailure } from '../../src/model/failure.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked } from '../../src/testing.ts';
import { hostileText } from '../support/hostile.ts';
import { connect } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';
import { snapshotFiles } from '../support/snapshot.ts';
import { theSeed } from './support/seed.ts';

const NAMES = 150;
/** Each has a database of its own. */
const NAMES_OF_POSTGRES = 50;
const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'holdfast-names-')));
after(() => rmSync(base, { recursive: true, force: true }));
const postgres = await testPostgres();

const writing = defineStep({ name: 'writing', input: z.object({ path: z.string() }), output: z.object({}) });
const recording = defineStep({
  name: 'recording',
  input: z.object({ table: z.string(), column: z.string() }),
  output: z.object({}),
});
const steps = [
  implementStep(writing, async (ctx, { path: target }) => {
    await ctx.files.write(target, 'written');
    return {};
  }),
  implementStep(recording, async (ctx, { table, column }) => {
    const main = ctx.db('main');
    await main.insert(table, { id: 1, [column]: 'first' });
    await main.insert(table, { id: 2, [column]: 'second' });
    await main.update(table, { id: 2 }, { [column]: 'changed' });
    return {};
  }),
];

/** Did the job take it? Refused by name, or asked about, it did not. */
async function isTaken(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isFailure(error) || error instanceof QuestionAsked) return false;
    throw error;
  }
}

async function tryNames<T>(
  t: TestContext,
  names: fc.Arbitrary<T>,
  tries: (name: T) => Promise<boolean>,
  numRuns = NAMES,
): Promise<void> {
  const seed = theSeed();
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(names, async (name) => void ((await tries(name)) && (taken += 1))),
    { numRuns, seed },
  );
  t.diagnostic(`HOLDFAST_SEED=${seed}: ${taken} of ${numRuns} were taken`);
  assert.ok(taken > numRuns / 20, `${taken} were taken`);
}

const segment = fc.oneof(hostileText, fc.constantFrom('a', 'b.txt', 'folder', 'outside', '.holdfast', '.git', 'NUL'));
const anyPath = fc.oneof(
  hostileText,
  fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/')),
);

test('whatever path a step writes, the file is there, within the workspace, or nothing is', async (t) => {
  let count = 0;
  await tryNames(t, anyPath, async (target) => {
    const folder = path.join(base, `paths-${(count += 1)}`);
    const workspace = path.join(folder, 'workspace');
    mkdirSync(workspace, { recursive: true });
    mkdirSync(path.join(folder, 'outside'));
    writeFileSync(path.join(folder, 'outside/canary.txt'), 'canary');
    symlinkSync('../outside', path.join(workspace, 'outside'));
    const before = snapshotFiles(folder);
    await using job = openTestJob({ workspace, steps });
    const taken = await isTaken(job.step(writing, { path: target }));
    if (taken) {
      const there = realpathSync(path.join(workspace, target));
      assert.ok(there.startsWith(`${workspace}${path.sep}`), there);
      assert.equal(readFileSync(there, 'utf8'), 'written');
      await job.undo();
    }
    const remaining = Object.entries(snapshotFiles(folder)).filter(([name]) => !name.includes('.holdfast'));
    assert.deepEqual(Object.fromEntries(remaining), before);
    rmSync(folder, { recursive: true });
    return taken;
  });
});

const anyName = fc.oneof(
  hostileText,
  fc.constantFrom('item', 'Item', 'select', 'a b', 'a"b', "a'b", 'a]b', 'holdfast', 'é'),
);
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

type Row = Readonly<Record<string, unknown>>;

interface Somewhere {
  readonly url: string;
  /** Rows as somebody else sees them. */
  readonly rows: (sql: string) => Promise<readonly Row[]>;
}

/** A table of any name with a column of any name; and one beside it that nobody means. */
async function tryRows(somewhere: Somewhere, { table, column }: { table: string; column: string }): Promise<boolean> {
  const { rows, url } = somewhere;
  await rows('CREATE TABLE canary (id INTEGER PRIMARY KEY, held TEXT)');
  await rows("INSERT INTO canary VALUES (1, 'canary')");
  try {
    await rows(`CREATE TABLE ${quoted(table)} (id INTEGER PRIMARY KEY, ${quoted(column)} TEXT)`);
  } catch {
    return false; // The database itself has no such name.
  }
  const select = `SELECT id, ${quoted(column)} AS held FROM ${quoted(table)} ORDER BY id`;
  await using job = openTestJob({ steps, databases: { main: '${{ env.MAIN }}' }, env: { MAIN: url } });
  const taken = await isTaken(job.step(recording, { table, column }));
  const plain = async (): Promise<unknown> => (await rows(select)).map((row) => ({ ...row }));
  const written = [
    { id: 1, held: 'first' },
    { id: 2, held: 'changed' },
  ];
  assert.deepEqual(await plain(), taken ? written : []);
  if (taken) await job.undo();
  assert.deepEqual(await plain(), []);
  assert.deepEqual(
    (await rows('SELECT id, held FROM canary')).map((row) => ({ ...row })),
    [{ id: 1, held: 'canary' }],
  );
  return taken;
}

const anyTable = fc.record({ table: anyName, column: anyName });

test('SQLite: whatever a table and its column are called, rows go there and nowhere else', async (t) => {
  let count = 0;
  await tryNames(t, anyTable, async (names) => {
    const file = path.join(base, `rows-${(count += 1)}.db`);
    const rows = async (sql: string): Promise<Record<string, unknown>[]> => {
      using database = new DatabaseSync(file);
      return database.prepare(sql).all();
    };
    return await tryRows({ url: `sqlite:${file}`, rows }, names);
  });
});

test('PostgreSQL: whatever a table and its column are called, rows go there and nowhere else', async (t) => {
  const tries = async (names: { table: string; column: string }): Promise<boolean> => {
    const url = await postgres.database();
    const client = await connect(url);
    try {
      return await tryRows({ url, rows: async (sql) => (await client.query<Row>(sql)).rows }, names);
    } finally {
      await client.end();
    }
  };
  await tryNames(t, anyTable, tries, NAMES_OF_POSTGRES);
});
