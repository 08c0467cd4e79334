/** A JSON document that a step reads can be written back, whole or as a part of another, and is the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '../../src/model/canonical-json.ts';
import { PostgresJob } from '../support/postgres-job.ts';
import { testPostgres } from '../support/postgres.ts';

const postgres = await testPostgres();

/** Texts of documents, with numbers beyond any JavaScript number and objects that look like Holdfast's tags. */
const { document } = fc.letrec<{ document: string; object: string }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom('81234567890123456789', '1.00000000000000000001', '1e400', '-0.5', '7', '"text"', 'true', 'null'),
    fc.array(tie('document'), { maxLength: 3 }).map((parts) => `[${parts.join(',')}]`),
    tie('object'),
  ),
  object: fc
    .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', '$numeric', '$json', '$jsontext', '$int'), tie('document')), {
      selector: ([key]) => key,
      maxLength: 2,
    })
    .map((parts) => `{${parts.map(([key, part]) => `"${key}":${part}`).join(',')}}`),
}));

const COPIED = `SELECT s.id FROM source s LEFT JOIN copy c USING (id)
  WHERE c.whole IS DISTINCT FROM s.j OR c.part IS DISTINCT FROM jsonb_build_object('part', s.j)`;

test('a document is the same after it was read and written back, whole or as a part of another', async () => {
  const job = new PostgresJob(await postgres.database());
  try {
    await job.direct(
      'CREATE TABLE source (id integer PRIMARY KEY, j jsonb)',
      'CREATE TABLE copy (id integer PRIMARY KEY, whole jsonb, part jsonb)',
    );
    const texts = [
      '{"user": 81234567890123456789}',
      '{"$json": 81234567890123456789}',
      '{"a": {"$numeric": "12"}}',
      ...fc.sample(document, { numRuns: 300, seed: 1 }),
    ].filter((text) => text !== 'null');
    await job.direct(...texts.map((text, id) => `INSERT INTO source VALUES (${id}, '${text}')`));
    await job.step('copy', async (ctx) => {
      const rows = await ctx.db('main').query<{ id: number; j: JsonObject }>('SELECT id, j FROM source');
      const copies = rows.map(({ id, j }) => ({ id, whole: j, part: { part: j } }));
      await ctx.db('main').insert('copy', copies);
    });
    assert.deepEqual(await job.direct(COPIED), []);
    assert.equal((await job.job.verify()).kind, 'verified');
  } finally {
    await job.end();
  }
});

test('a document in which code changes one thing keeps every number of the rest', async () => {
  const job = new PostgresJob(await postgres.database());
  try {
    await job.direct(
      'CREATE TABLE source (id integer PRIMARY KEY, j jsonb)',
      `INSERT INTO source VALUES (1, '{"user": 81234567890123456789, "seen": 1}')`,
    );
    await job.step('see', async (ctx) => {
      const [row] = await ctx.db('main').query<{ j: JsonObject }>('SELECT j FROM source');
      assert.deepEqual(row!.j['user'], { $numeric: '81234567890123456789' });
      await ctx.db('main').update('source', { id: 1 }, { j: { ...row!.j, seen: 2 } });
    });
    assert.deepEqual(await job.direct('SELECT j::text FROM source'), [
      { j: '{"seen": 2, "user": 81234567890123456789}' },
    ]);
  } finally {
    await job.end();
  }
});

test('domains over domains, and over arrays, take what is read from them', async () => {
  const job = new PostgresJob(await postgres.database());
  try {
    await job.direct(
      'CREATE DOMAIN inner_document AS jsonb',
      "CREATE DOMAIN document AS inner_document CHECK (jsonb_typeof(VALUE) = 'object')",
      'CREATE DOMAIN tags AS jsonb[]',
      'CREATE TABLE doc (id integer PRIMARY KEY, j document, many tags, each document[])',
      `INSERT INTO doc VALUES (1, '{"a": 1}', ARRAY['{"b": 2}', '[3]']::jsonb[], ARRAY['{"c": 4}']::document[])`,
    );
    await job.step('copy', async (ctx) => {
      const [row] = await ctx.db('main').query<JsonObject>('SELECT * FROM doc');
      await ctx.db('main').insert('doc', { ...row!, id: 2 });
    });
    const different = 'SELECT count(DISTINCT (j::text, many::text, each::text))::int AS n FROM doc';
    assert.deepEqual(await job.direct(different), [{ n: 1 }]);
  } finally {
    await job.end();
  }
});
