/** PostgreSQL as a store of sealed documents, and what only a server does. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import pg from 'pg';
import { isFailure } from '../../src/model/failure.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import type { SealedStore } from '../../src/store/sealed/store.ts';
import { CountedQueries } from '../support/counted-queries.ts';
import { cutConnection } from '../support/cut-connection.ts';
import { testPostgres } from '../support/postgres.ts';
import { aDocument, failureOf, sealedStoreSuite, type StoreSubject } from '../support/sealed-store-suite.ts';

const postgres = await testPostgres();
const database = await postgres.database();
let count = 0;

function aSchema(): string {
  return `s${count++}`;
}

function at(schema: string, url = database): string {
  const located = new URL(url);
  located.searchParams.set('schema', schema);
  return located.href;
}

async function direct(text: string, values: readonly unknown[] = [], url = database): Promise<unknown[][]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text, values: [...values], rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

async function withStore<T>(location: string, work: (store: SealedStore) => Promise<T>): Promise<T> {
  const store = openStore(location);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function subjectAt(schema: string): StoreSubject {
  return {
    open: () => openStore(at(schema)),
    async damage(series, generation, how) {
      const row = [series, generation];
      const [found] = await direct(
        `SELECT sealed FROM ${schema}.generation WHERE (series, generation) = ($1, $2)`,
        row,
      );
      const damaged = how(found![0] as Buffer);
      await direct(`UPDATE ${schema}.generation SET sealed = $3 WHERE (series, generation) = ($1, $2)`, [
        ...row,
        damaged,
      ]);
    },
    async damageBlob(content, how) {
      const pieces = await direct(
        `SELECT upload, piece, bytes FROM ${schema}.blob_piece JOIN ${schema}.blob USING (upload) WHERE content = $1
         ORDER BY piece DESC LIMIT 1`,
        [content],
      );
      const [upload, piece, bytes] = pieces[0]!;
      const damaged = how(bytes as Buffer);
      await direct(`UPDATE ${schema}.blob_piece SET bytes = $3 WHERE (upload, piece) = ($1, $2)`, [
        upload,
        piece,
        damaged,
      ]);
    },
    async aside(series) {
      const rows = await direct(`SELECT sealed FROM ${schema}.set_aside WHERE series = $1 ORDER BY set_aside_at`, [
        series,
      ]);
      return rows.map(([sealed]) => sealed as Buffer);
    },
  };
}

sealedStoreSuite('PostgreSQL', async () => subjectAt(aSchema()));

describe('a PostgreSQL store', () => {
  test('puts and reads back in one round trip of two statements, once warm', async () => {
    await withStore(at(aSchema()), async (store) => {
      await store.put('job', 0, aDocument('warm'));
      using queries = new CountedQueries();
      const counted = await queries.during(async () => await store.put('job', 1, aDocument('x'.repeat(10_000))));
      assert.deepEqual(counted, { statements: 2, roundTrips: 1 });
    });
  });

  test('waits for the disk, whatever the role is set to', async () => {
    const schema = aSchema();
    const url = new URL(at(schema));
    url.searchParams.set('options', '-c synchronous_commit=off');
    await withStore(url.href, async (store) => {
      await store.put('job', 0, aDocument('warm'));
      await direct(`CREATE TABLE ${schema}_seen (setting text)`);
      await direct(`CREATE FUNCTION ${schema}_tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO ${schema}_seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$`);
      await direct(
        `CREATE TRIGGER tell AFTER INSERT ON ${schema}.generation FOR EACH ROW EXECUTE FUNCTION ${schema}_tell()`,
      );
      await store.put('job', 1, aDocument('1'));
    });
    assert.deepEqual(await direct(`SELECT setting FROM ${schema}_seen`), [['on']]);
  });

  test('that forgets what it took, or returns something older, is found when it reads back', async () => {
    const schema = aSchema();
    await withStore(at(schema), async (store) => {
      await store.put('job', 0, aDocument('older'));
      const acts = ['RETURN NULL;', `NEW.sealed = (SELECT sealed FROM ${schema}.generation LIMIT 1); RETURN NEW;`];
      for (const [index, act] of acts.entries()) {
        await direct(`CREATE OR REPLACE FUNCTION ${schema}_forget() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN ${act} END $$`);
        await direct(`CREATE TRIGGER forget BEFORE INSERT ON ${schema}.generation FOR EACH ROW
          EXECUTE FUNCTION ${schema}_forget()`);
        const put = store.put('job', index + 1, aDocument('newer'));
        assert.match(
          await failureOf(put, 'read-back-failed'),
          /does not read back as it was written.* found (nothing|\d)/,
        );
        assert.equal(await store.get('job', index + 1), undefined);
        await direct(`DROP TRIGGER forget ON ${schema}.generation`);
        await store.put('job', index + 1, aDocument('newer'));
        assert.ok((await store.get('job', index + 1))?.equals(aDocument('newer')));
      }
    });
    assert.equal((await direct(`SELECT FROM ${schema}.set_aside`)).length, 1);
  });

  test('whose connection is cut before or after the commit has the document or not, and takes it again', async () => {
    await using way = await cutConnection(database);
    const schema = aSchema();
    await withStore(at(schema, way.url), async (store) => {
      await store.put('job', 0, aDocument('before'));
      const cases = [
        [1, 'before', false],
        [2, 'after', true],
      ] as const;
      for (const [generation, when, isThere] of cases) {
        // Only a put names the writer.
        way.cut = { at: 'worker 1', when };
        await failureOf(store.put('job', generation, aDocument('x'.repeat(5000))), 'storage-unreachable');
        way.cut = undefined;
        // Answered or not: what the server has is a whole document or none.
        const found = await withStore(at(schema), async (other) => await other.get('job', generation));
        if (!isThere) assert.equal(found, undefined);
        else assert.ok(found === undefined || found.equals(aDocument('x'.repeat(5000))));
        await store.put('job', generation, aDocument('x'.repeat(5000), 'worker 2'));
        assert.equal((await store.list('job')).length, generation + 1);
      }
    });
    assert.equal(way.cuts, 2);
  });

  test('behind a pooler that loses prepared statements is busy once, and then sends them unprepared', async () => {
    await withStore(at(aSchema()), async (store) => {
      await store.put('job', 0, aDocument('0'));
      const client = pg.Client.prototype as unknown as { query: (config: unknown) => Promise<unknown> };
      const original = client.query;
      client.query = async function (config) {
        client.query = original;
        await original.call(this, 'DEALLOCATE ALL');
        return await original.call(this, config);
      };
      await failureOf(store.put('job', 1, aDocument('1')), 'busy');
      await store.put('job', 1, aDocument('1'));
      assert.deepEqual(await store.generations('job'), [0, 1]);
    });
  });

  test('that is away, or has no such database, is told as one that may come back', async () => {
    const away = new URL(database);
    away.port = '1';
    const message = await withStore(away.href, async (store) => await failureOf(store.series(), 'storage-unreachable'));
    assert.match(message, /ECONNREFUSED/);
    assert.ok(!message.includes(new URL(database).password));
    const other = new URL(database);
    other.pathname = '/nowhere';
    await withStore(other.href, async (store) => await failureOf(store.series(), 'storage-unreachable'));
  });

  test('whose row somebody has locked is busy', async () => {
    const schema = aSchema();
    const url = new URL(at(schema));
    url.searchParams.set('options', '-c lock_timeout=100');
    await withStore(url.href, async (store) => {
      await store.put('job', 1, aDocument('1'));
      const holder = new pg.Client(database);
      await holder.connect();
      await holder.query(`BEGIN; LOCK TABLE ${schema}.generation`);
      await failureOf(store.put('job', 2, aDocument('2')), 'busy');
      await holder.end();
      await store.put('job', 2, aDocument('2'));
    });
  });
});

describe('the schema of a PostgreSQL store', () => {
  /** A role that may connect, and nothing else. */
  async function aRole(): Promise<{ readonly name: string; readonly url: (schema: string) => string }> {
    const name = `role_${randomBytes(6).toString('hex')}`;
    await direct(`CREATE ROLE ${name} LOGIN PASSWORD 'p@ss word'`);
    const url = new URL(database);
    url.username = name;
    url.password = 'p@ss word';
    return { name, url: (schema) => at(schema, url.href) };
  }

  async function dropRole(name: string): Promise<void> {
    await direct(`DROP OWNED BY ${name}`);
    await direct(`DROP ROLE ${name}`);
  }

  /** What the catalog tells of a schema. */
  async function made(schema: string): Promise<unknown> {
    return await direct(
      `SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
       WHERE table_schema = $1 ORDER BY 1, 2`,
      [schema],
    );
  }

  test('is not made by whoever only looks', async () => {
    const schema = aSchema();
    const looking = openStore(at(schema), { create: false });
    assert.match(await failureOf(looking.series(), 'not-found'), /is not made yet/);
    await withStore(at(schema), async (store) => await store.put('job', 1, aDocument('1')));
    assert.deepEqual(await looking.series(), ['job']);
    await looking.close();
    assert.throws(() => openStore('/nowhere/at/all', { create: false }), /There is no folder/);
  });

  test('is made once, however many begin at once, and is found as it is later', async () => {
    const schema = aSchema();
    const stores = Array.from({ length: 5 }, () => openStore(at(schema)));
    await Promise.all(stores.map(async (store, index) => await store.put('job', index, aDocument(`${index}`))));
    await Promise.all(stores.map(async (store) => await store.close()));
    assert.deepEqual(await direct(`SELECT version FROM ${schema}.migration`), [[1]]);
    assert.equal(await withStore(at(schema), async (store) => (await store.list('job')).length), 5);
  });

  const CHANGES: readonly [string, (schema: string) => string, RegExp][] = [
    [
      'a column of another type',
      (s) => `ALTER TABLE ${s}.generation ALTER writer TYPE varchar(9)`,
      /character varying/,
    ],
    ['a column more', (s) => `ALTER TABLE ${s}.blob ADD extra text`, /unexpected: blob\.extra text/],
    ['a column less', (s) => `ALTER TABLE ${s}.set_aside DROP why`, /missing: set_aside\.why text not null/],
    [
      'no key',
      (s) => `ALTER TABLE ${s}.generation DROP CONSTRAINT generation_pkey`,
      /missing: generation: PRIMARY KEY/,
    ],
    ['a table less', (s) => `DROP TABLE ${s}.blob_piece`, /missing: blob_piece: table/],
    ['a table that a crash empties', (s) => `ALTER TABLE ${s}.generation SET UNLOGGED`, /generation: unlogged table/],
    ['row security', (s) => `ALTER TABLE ${s}.generation ENABLE ROW LEVEL SECURITY`, /generation: row level security/],
    ['a rule', (s) => `CREATE RULE r AS ON INSERT TO ${s}.generation DO INSTEAD NOTHING`, /generation: rule r/],
    ['no migrations', (s) => `DROP TABLE ${s}.migration`, /no table "migration"/],
  ];
  for (const [what, change, message] of CHANGES)
    test(`with ${what} is refused by name, and nothing is changed`, async () => {
      const schema = aSchema();
      await withStore(at(schema), async (store) => await store.put('job', 1, aDocument('1')));
      await direct(change(schema));
      const before = await made(schema);
      assert.match(
        await withStore(at(schema), async (store) => await failureOf(store.put('job', 2, aDocument('2')), 'bad-input')),
        message,
      );
      assert.deepEqual(await made(schema), before);
    });

  test('of somebody else is refused, and one of a newer version, too', async () => {
    const foreign = aSchema();
    await direct(`CREATE SCHEMA ${foreign}`);
    await direct(`CREATE TABLE ${foreign}.generation (id integer)`);
    const problem = await withStore(at(foreign), async (store) => await failureOf(store.series(), 'bad-input'));
    assert.match(problem, /has generation: table, and no table "migration"/);
    const newer = aSchema();
    await withStore(at(newer), async (store) => await store.put('job', 1, aDocument('1')));
    await direct(`INSERT INTO ${newer}.migration VALUES (7)`);
    const refused = await withStore(at(newer), async (store) => await failureOf(store.series(), 'unknown-format'));
    assert.match(refused, /has version 7, a newer one\. Expected at most 1/);
  });

  test('denied to a role: what the role lacks is named, as GRANT has it', async () => {
    const role = await aRole();
    const schema = aSchema();
    const put = async (): Promise<void> =>
      await withStore(role.url(schema), async (store) => await store.put('job', 1, aDocument('1')));
    const told = await failureOf(put(), 'permission-denied');
    assert.match(told, new RegExp(`Role "${role.name}" lacks CREATE ON DATABASE `));
    assert.ok(!told.includes('p@ss'), told);
    await withStore(at(schema), async (store) => await store.put('job', 0, aDocument('0')));
    assert.match(await failureOf(put(), 'permission-denied'), new RegExp(`lacks USAGE ON SCHEMA ${schema}`));
    await direct(`GRANT USAGE ON SCHEMA ${schema} TO ${role.name}`);
    await direct(`GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role.name}`);
    await direct(`GRANT INSERT ON ${schema}.set_aside, ${schema}.blob_piece TO ${role.name}`);
    const lacks = await failureOf(put(), 'permission-denied');
    for (const one of ['INSERT ON', 'generation', 'UPDATE ON', '.blob']) assert.ok(lacks.includes(one), lacks);
    const next = await put().catch((error: unknown) => (isFailure(error) ? error.nextStep : String(error)));
    for (const [grant] of next!.matchAll(/GRANT [^;]+;/g)) await direct(grant);
    await put();
    await dropRole(role.name);
  });

  test('made ready by an administrator needs no permission to make one', async () => {
    const role = await aRole();
    const schema = aSchema();
    await direct(`CREATE SCHEMA ${schema} AUTHORIZATION ${role.name}`);
    await withStore(role.url(schema), async (store) => await store.put('job', 1, aDocument('1')));
    await dropRole(role.name);
  });

  test('behind a wrong password is denied, and the password is not told', async () => {
    const url = new URL(database);
    url.password = 'wrong-secret';
    const store = openStore(url.href);
    const message = await failureOf(store.series(), 'permission-denied');
    assert.ok(!`${message}${store.location}`.includes('wrong-secret'), message);
    await store.close();
  });
});

describe('a location', () => {
  test('that is none is refused without showing a password', () => {
    const bad = [
      '',
      'checkpoints',
      'mysql://u:secret@h/d',
      'postgres://u:secret@h',
      'postgres://u:se%cret@h/d',
      'secret',
    ];
    for (const location of [
      ...bad,
      'postgres://u:secret@h/d?schema=pg_x',
      'postgres://u:secret@h/d?schema=a.b',
      'file:',
    ])
      assert.throws(
        () => openStore(location),
        (error) => isFailure(error, 'bad-input') && !/secret|se%cret/.test(error.message),
        location,
      );
  });

  test('of a folder is below the base unless it is absolute', () => {
    const cases = {
      '/a/b': '/a/b',
      './x': '/base/x',
      '../x': '/x',
      'file:x': '/base/x',
      'file:///a%20b': '/a b',
      '.': '/base',
    };
    for (const [location, path] of Object.entries(cases))
      assert.equal(openStore(location, { base: '/base' }).location, path);
  });
});
