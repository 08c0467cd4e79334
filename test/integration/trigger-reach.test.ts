/** What SQLite's triggers can change is read from their text: a step reads the rows of those tables, and no others. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { openSqlite } from '../../src/effects/database/sqlite/database.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep } from '../../src/index.ts';
import { openTestJob } from '../../src/testing.ts';

const TABLES = `
  CREATE TABLE note (id integer PRIMARY KEY, text text);
  CREATE TABLE begin_log (id integer PRIMARY KEY, text text);
  CREATE TABLE total (id integer PRIMARY KEY, n integer);
  CREATE TABLE kind (id integer PRIMARY KEY, n integer);
  CREATE TABLE thing (id integer PRIMARY KEY, kind integer REFERENCES kind ON DELETE CASCADE);
  CREATE TABLE other (id integer PRIMARY KEY, n integer);
  CREATE VIEW Totals AS SELECT id, n FROM total;`;
const TRIGGERS = `
  CREATE TRIGGER noted AFTER INSERT ON note BEGIN
    UPDATE "TOTALS" SET n = n + 1; DELETE FROM [Kind] WHERE id = NEW.id; END;
  CREATE TRIGGER counted INSTEAD OF UPDATE ON totals BEGIN UPDATE total SET n = NEW.n WHERE id = NEW.id; END;
  CREATE TRIGGER far AFTER DELETE ON other BEGIN DELETE FROM note; END;`;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-reach-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function direct(sql: string): unknown[] {
  const database = new DatabaseSync(join(root, 'main.db'));
  try {
    if (sql.startsWith('SELECT'))
      return database
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }));
    database.exec(sql);
    return [];
  } finally {
    database.close();
  }
}

async function changedBy(table: string): Promise<readonly string[] | undefined> {
  const database = await openSqlite({ name: 'main', filePath: join(root, 'main.db') });
  const { actsChange } = await database.reach([table]);
  await database.close();
  return actsChange?.toSorted();
}

test('triggers, those of views that they change and what foreign keys take along are followed', async () => {
  direct(TABLES + TRIGGERS);
  assert.deepEqual(await changedBy('NOTE'), ['kind', 'thing', 'total', 'totals']);
  assert.deepEqual(await changedBy('total'), []);
  direct('CREATE TRIGGER looped AFTER UPDATE ON total BEGIN INSERT INTO begin_log VALUES (NULL, NEW.n); END');
  assert.deepEqual(await changedBy('note'), ['begin_log', 'kind', 'thing', 'total', 'totals']);
});

test('where virtual tables or ON CONFLICT REPLACE may change what no trigger names, nobody can tell', async () => {
  direct(TABLES + TRIGGERS);
  direct('CREATE TABLE once (id integer PRIMARY KEY, code text UNIQUE ON CONFLICT REPLACE)');
  assert.equal(await changedBy('note'), undefined);
  direct('DROP TABLE once; CREATE VIRTUAL TABLE words USING fts5(text)');
  assert.equal(await changedBy('note'), undefined);
  direct('DROP TABLE words; CREATE TABLE "quo""ted" (id integer PRIMARY KEY)');
  assert.ok((await changedBy('note'))!.includes('"quo""ted"'));
});

test('what a trigger changes by way of a view and of foreign keys is the step’s, and undone with it', async () => {
  direct(TABLES + TRIGGERS);
  const step = defineStep({ name: 'act', input: z.strictObject({}), output: z.strictObject({}) });
  let code: (ctx: StepContext) => Promise<unknown>;
  const steps = [implementStep(step, async (ctx) => (await code(ctx), {}))];
  await using job = openTestJob({ steps, workspace: root, databases: { main: 'sqlite:main.db' } });
  code = async (ctx) => {
    await ctx.db('main').insert('total', { id: 1, n: 0 });
    await ctx.db('main').insert('kind', { id: 5, n: 0 });
    await ctx.db('main').insert('thing', { id: 50, kind: 5 });
    await ctx.db('main').insert('other', { id: 1, n: 1 });
  };
  await job.step(step, {}, { stepId: 'first' });
  code = async (ctx) => await ctx.db('main').insert('note', { id: 5, text: 'x' });
  await job.step(step, {}, { stepId: 'second' });
  assert.deepEqual([direct('SELECT n FROM total'), direct('SELECT * FROM thing')], [[{ n: 1 }], []]);
  assert.equal((await job.verify()).kind, 'verified');
  const report = await job.undo();
  assert.deepEqual(report.left, []);
  for (const table of ['note', 'total', 'kind', 'thing', 'other'])
    assert.deepEqual(direct(`SELECT * FROM ${table}`), []);
});
