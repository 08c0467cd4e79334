import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import pg from 'pg';
import type { Database } from '../../src/effects/database/database.ts';
import { openPostgres } from '../../src/effects/database/postgres/database.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import { ABSENT } from '../../src/model/record/world.ts';
import { startPostgres, testPostgres } from '../support/postgres.ts';
import {
  assertFails,
  change,
  databaseConformance,
  rowOf,
  TIMEOUTS,
  transact,
  type Subject,
} from './database.conformance.ts';

const postgres = await testPostgres();
const ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, label text)';

function open(url: string): Promise<Database> {
  return openPostgres({ name: 'main', url, applicationName: 'holdfast test' });
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function direct(url: string, ...statements: readonly string[]): Promise<pg.QueryResult[]> {
  const client = await connect(url);
  try {
    const results: pg.QueryResult[] = [];
    for (const statement of statements) results.push(await client.query(statement));
    return results;
  } finally {
    await client.end();
  }
}

async function setUp(_context?: unknown, prepare: readonly string[] = []): Promise<Subject> {
  const url = await postgres.database();
  const subject: Subject = {
    url,
    open: () => open(url),
    direct: async (...statements) => void (await direct(url, ...statements)),
    async hold() {
      const client = await connect(url);
      await client.query('BEGIN');
      await client.query("UPDATE item SET label = 'theirs' WHERE id = 1");
      return async () => {
        await client.query('ROLLBACK');
        await client.end();
      };
    },
    async backUp() {
      const copy = await postgres.database(url);
      const [name, copyName] = [url, copy].map((each) => new URL(each).pathname.slice(1));
      return async () =>
        void (await direct(
          postgres.adminUrl,
          `DROP DATABASE "${name}" WITH (FORCE)`,
          `CREATE DATABASE "${name}" TEMPLATE "${copyName}"`,
        ));
    },
  };
  await subject.direct(...prepare);
  return subject;
}

/** Runs a test's body with one database open, and closes it. */
function check(
  name: string,
  prepare: readonly string[],
  body: (subject: Subject, database: Database) => Promise<void>,
): void {
  void test(`postgres: ${name}`, async () => {
    const subject = await setUp(undefined, prepare);
    const database = await subject.open();
    try {
      await body(subject, database);
    } finally {
      await database.close();
    }
  });
}

const text = fc
  .string({ unit: 'binary', maxLength: 40 })
  .filter((value) => value.isWellFormed() && !value.includes('\0'));
const isSafe = (value: bigint): boolean =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);
const bigint = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map((value): Json => (isSafe(value) ? Number(value) : { $int: String(value) }));
const numeric = fc.oneof(
  fc.maxSafeInteger(),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.stringMatching(/^\d{1,30}$/))
    .map(([whole, fraction]) => ({ $numeric: `${whole}.${fraction}` })),
  fc.constantFrom({ $numeric: 'NaN' }, { $numeric: 'Infinity' }, { $numeric: '-Infinity' }),
);
const float = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  fc.constantFrom({ $float: 'NaN' }, { $float: 'Infinity' }, { $float: '-Infinity' }, { $float: '-0' }),
);
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => ({ $bytes: Buffer.from(value).toString('base64') }));
const noNul = (value: unknown): boolean => !JSON.stringify(value).includes('\\u0000');
// Through its text: a value with -0 in it is no JSON.
const json = fc
  .jsonValue({ stringUnit: 'grapheme' })
  .map((value) => JSON.parse(JSON.stringify(value)) as fc.JsonValue)
  .filter((value) => noNul(value) && value !== null);
/** What would itself look like a tag comes back in one: those are among the constants. */
const looksTagged = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(looksTagged)
    : typeof value === 'object' &&
      value !== null &&
      Object.keys(value).length === 1 &&
      Object.keys(value)[0]!.startsWith('$');
const document = fc.oneof(
  json.filter((value) => !looksTagged(value)),
  fc.constantFrom(
    { $json: null },
    { $json: { $bytes: 'AAAA' } },
    { $json: [{ $int: '1' }] },
    { $json: { $anything: 1 } },
  ),
);
const timestamp = fc
  .tuple(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 100_000, max: 999_999 }))
  .map(([year, micros]) => `${String(year).padStart(4, '0')}-02-03 04:05:06.${micros}`.replace(/0+$/, ''));

databaseConformance({
  dialect: 'postgres',
  setUp,
  valueColumns: [
    { type: 'text', values: text },
    { type: 'int8', values: bigint },
    { type: 'numeric', values: numeric },
    { type: 'float8', values: float },
    { type: 'bytea', values: bytes },
    { type: 'boolean', values: fc.boolean() },
    { type: 'jsonb', values: document as fc.Arbitrary<Json> },
    {
      type: 'json',
      values: fc.oneof(
        document as fc.Arbitrary<Json>,
        fc.constantFrom(
          { $jsontext: '{"a": 1.00000000000000000001}' },
          { $jsontext: '[12345678901234567890]' },
          { $jsontext: '-0' },
        ),
      ),
    },
    { type: 'timestamp', values: timestamp },
    {
      type: 'timestamptz',
      values: fc.oneof(
        timestamp.map((value) => `${value}+00`),
        fc.constantFrom('infinity', '-infinity'),
      ),
    },
    {
      type: 'int4[]',
      values: fc.oneof(
        fc.array(fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))),
        fc.constantFrom([
          [1, 2],
          [3, null],
        ]),
      ),
    },
    {
      type: 'text[]',
      values: fc.array(fc.option(fc.oneof(text, fc.constantFrom('NULL', '', '{a,b}', '"', '\\', ' x ')))),
    },
    { type: 'bytea[]', values: fc.array(bytes) },
    {
      type: 'jsonb[]',
      values: fc.array(
        fc.constantFrom({ a: [1] }, { $json: null }, null, 'x', { $json: { $b: 1 } }),
      ) as fc.Arbitrary<Json>,
    },
    { type: 'uuid', values: fc.uuid() },
  ],
});

check(
  'values print the same whatever the role, database or session has set',
  [
    'CREATE TABLE moment (id integer PRIMARY KEY, at timestamptz, span interval, bytes bytea, ratio float8)',
    "INSERT INTO moment VALUES (1, '2026-03-01 12:00:00.123456+02', '1 day 02:03:04', '\\x0102', 0.1)",
  ],
  async (subject, database) => {
    const columns = ['at', 'span', 'bytes', 'ratio'];
    const before = await rowOf(database, 'moment', { id: 1 }, columns);
    assert.deepEqual(before, {
      kind: 'row',
      columns: { at: '2026-03-01 10:00:00.123456+00', span: '1 day 02:03:04', bytes: { $bytes: 'AQI=' }, ratio: 0.1 },
    });
    const name = new URL(subject.url).pathname.slice(1);
    const settings = [
      "timezone = 'Asia/Tokyo'",
      "datestyle = 'German'",
      "intervalstyle = 'iso_8601'",
      "bytea_output = 'escape'",
      'extra_float_digits = -5',
    ];
    await subject.direct(...settings.map((setting) => `ALTER DATABASE "${name}" SET ${setting}`));
    const again = await subject.open();
    assert.deepEqual(await rowOf(again, 'moment', { id: 1 }, columns), before);
    await again.close();
  },
);

check(
  'numeric scale, char padding, deferred triggers and rules of the server show in the read-back',
  [
    'CREATE TABLE priced (id integer PRIMARY KEY, price numeric(10,2), code char(4), seen integer DEFAULT 0)',
    'CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE priced SET seen = seen + 1 WHERE id = new.id; RETURN NULL; END $$',
    'CREATE CONSTRAINT TRIGGER mark AFTER INSERT ON priced DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mark()',
  ],
  async (_subject, database) => {
    const columns = ['price', 'code', 'seen'];
    await transact(database, async (transaction) => {
      await transaction.applyRow(change('row.insert', 'priced', { id: 1 }, { price: 21.555, code: 'ab' }));
      const [, early] = [await transaction.settle(), await rowOf(transaction, 'priced', { id: 1 }, columns)];
      assert.deepEqual(early, { kind: 'row', columns: { price: { $numeric: '21.56' }, code: 'ab  ', seen: 1 } });
    });
    assert.deepEqual(await rowOf(database, 'priced', { id: 1 }, columns), {
      kind: 'row',
      columns: { price: { $numeric: '21.56' }, code: 'ab  ', seen: 1 },
    });
  },
);

check(
  'keys of char, numeric, uuid, bytes, enum and identity columns find their rows',
  [
    "CREATE TYPE mood AS ENUM ('sad', 'ok')",
    'CREATE DOMAIN code AS char(4)',
    'CREATE TABLE keyed (a char(4), b numeric, c uuid, d bytea, e mood, f code, n integer GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (a, b, c, d, e, f, n))',
  ],
  async (_subject, database) => {
    const key = {
      a: 'ab',
      b: { $numeric: '1.50' },
      c: '6f9619ff-8b86-d011-b42d-00cf4fc964ff',
      d: { $bytes: 'AQI=' },
      e: 'ok',
      f: 'x',
      n: 5,
    };
    await transact(database, (transaction) => transaction.applyRow(change('row.insert', 'keyed', key)));
    assert.equal((await rowOf(database, 'keyed', key, ['a'])).kind, 'row');
    assert.deepEqual(await rowOf(database, 'keyed', { ...key, e: 'sad' }, ['a']), ABSENT);
  },
);

check(
  'tables of a query include partitions, other schemas and what functions read',
  [
    'CREATE SCHEMA audit',
    'CREATE TABLE audit.events (id integer PRIMARY KEY)',
    'CREATE TABLE parted (id integer) PARTITION BY RANGE (id)',
    'CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)',
    'CREATE FUNCTION hidden() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM audit.events $$',
  ],
  async (_subject, database) => {
    assert.deepEqual((await database.query('SELECT * FROM parted', [])).tables, ['part_1', 'parted']);
    assert.deepEqual((await database.query('SELECT hidden()', [])).tables, ['audit.events']);
    assert.equal((await database.schema('audit.events')).kind, 'schema');
  },
);

check(
  'a row changed by another since it was compared refuses our write',
  [ITEM, "INSERT INTO item VALUES (1, 'before')"],
  async (subject, database) => {
    const transaction = await database.begin(TIMEOUTS);
    assert.deepEqual(await rowOf(transaction, 'item', { id: 1 }, ['label']), {
      kind: 'row',
      columns: { label: 'before' },
    });
    await subject.direct("UPDATE item SET label = 'theirs' WHERE id = 1");
    await assertFails(
      transaction.applyRow(change('row.update', 'item', { id: 1 }, { label: 'ours' })),
      'busy',
      '40001',
    );
    await transaction.rollback();
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), {
      kind: 'row',
      columns: { label: 'theirs' },
    });
  },
);

check(
  'what was known of a table before a migration is looked at anew: busy once, then right',
  [ITEM, "INSERT INTO item VALUES (1, 'a')"],
  async (subject, database) => {
    const look = (): Promise<unknown> =>
      transact(database, (transaction) => rowOf(transaction, 'item', { id: 1 }, ['label']));
    assert.deepEqual(await look(), { kind: 'row', columns: { label: 'a' } });
    await subject.direct('ALTER TABLE item RENAME COLUMN label TO title');
    await assertFails(look(), 'busy', '42703');
    assert.deepEqual(await look(), { kind: 'row', columns: {} });
  },
);

check(
  'commits are durable whatever the server, role or a step’s statement has set',
  [ITEM],
  async (subject, database) => {
    const name = new URL(subject.url).pathname.slice(1);
    await subject.direct(`ALTER DATABASE "${name}" SET synchronous_commit = off`);
    const again = await subject.open();
    await transact(again, async (transaction) => {
      assert.deepEqual((await transaction.query("SELECT current_setting('synchronous_commit') AS it", [])).rows, [
        { it: 'on' },
      ]);
      await transaction.applySql({ text: 'SET synchronous_commit = off', params: [] });
      await transaction.settle();
      assert.deepEqual((await transaction.query("SELECT current_setting('synchronous_commit') AS it", [])).rows, [
        { it: 'on' },
      ]);
    });
    assert.equal(
      (await database.query("SELECT current_setting('synchronous_commit') AS it", [])).rows[0]?.['it'],
      'on',
    );
    await again.close();
  },
);

check(
  'what a step’s statement leaves in its session does not reach the next',
  [ITEM, 'INSERT INTO item VALUES (1)'],
  async (_subject, database) => {
    await transact(database, async (transaction) => {
      await transaction.applySql({
        text: 'CREATE TEMPORARY TABLE item (id integer PRIMARY KEY, label text)',
        params: [],
      });
      await transaction.applySql({ text: "SET search_path = 'nowhere'", params: [] });
    });
    await database.query("SELECT set_config('search_path', 'nowhere', false)", []);
    assert.equal((await rowOf(database, 'item', { id: 1 }, ['label'])).kind, 'row');
  },
);

check('a statement that takes too long is busy', [], async (_subject, database) => {
  const transaction = await database.begin({ ...TIMEOUTS, statementTimeoutMs: 50 });
  await assertFails(transaction.query('SELECT pg_sleep(5)', []), 'busy', '57014');
  await transaction.rollback();
});

check('a query ends when its signal says so, on the server too', [], async (subject, database) => {
  const started = performance.now();
  await assertFails(database.query('SELECT pg_sleep(20)', [], AbortSignal.timeout(100)), 'cancelled');
  assert.ok(performance.now() - started < 3000);
  const [result] = await direct(
    subject.url,
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'",
  );
  assert.deepEqual(result!.rows, [{ n: 0 }]);
});

check(
  'two that wait for each other are busy, not stuck',
  [ITEM, 'INSERT INTO item VALUES (1), (2)'],
  async (subject, database) => {
    const [a, b] = [await database.begin(TIMEOUTS), await database.begin(TIMEOUTS)];
    await a.applyRow(change('row.update', 'item', { id: 1 }, { label: 'a' }));
    await b.applyRow(change('row.update', 'item', { id: 2 }, { label: 'b' }));
    const outcomes = await Promise.allSettled([
      a.applyRow(change('row.update', 'item', { id: 2 }, { label: 'a' })),
      b.applyRow(change('row.update', 'item', { id: 1 }, { label: 'b' })),
    ]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    assert.ok(failed !== undefined && isFailure(failed.reason, 'busy'));
    await Promise.all([a.rollback(), b.rollback()]);
    void subject;
  },
);

check(
  'a role without rights: permission-denied for tables, and an identity that says what it cannot read',
  [ITEM],
  async (subject, database) => {
    const role = `weak_${new URL(subject.url).pathname.slice(1)}`;
    await subject.direct(
      `CREATE ROLE "${role}" LOGIN PASSWORD 'weak-secret'`,
      'REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC',
    );
    const url = new URL(subject.url);
    url.username = role;
    url.password = 'weak-secret';
    const weak = await open(url.href);
    await assertFails(weak.query('SELECT * FROM item', []), 'permission-denied', '42501');
    await assertFails(weak.rows([{ table: 'item', key: { id: 1 }, columns: ['label'] }]), 'permission-denied');
    const identity = await weak.identity();
    assert.match(identity.system, /not readable by this role/);
    await transact(weak, async (transaction) => assert.deepEqual(await transaction.identity(), identity));
    assert.notDeepEqual(await database.identity(), identity);
    await weak.close();
    url.password = 'wrong-secret';
    const locked = await open(url.href);
    await assert.rejects(
      locked.identity(),
      (error) =>
        isFailure(error, 'permission-denied') && !JSON.stringify([error.message, error.details]).includes('secret'),
    );
    await locked.close();
    await subject.direct(`DROP OWNED BY "${role}"`, `DROP ROLE "${role}"`);
  },
);

check(
  'a connection ended by the server is unreachable for its transaction, and no trouble for the next',
  [ITEM],
  async (subject, database) => {
    const end =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holdfast test'";
    const transaction = await database.begin(TIMEOUTS);
    await transaction.applyRow(change('row.insert', 'item', { id: 1 }));
    await subject.direct(end);
    await assertFails(transaction.keepAlive(), 'storage-unreachable');
    await transaction.rollback();
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, []), ABSENT);
    // The one that is idle in the pool now.
    await subject.direct(end);
    await delay(50);
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, []), ABSENT);
  },
);

check(
  'a COMMIT whose answer never comes is said to be unknown, and the token row tells',
  [ITEM],
  async (subject, database) => {
    await database.ensureHoldfastTables();
    const token = 'e'.repeat(64);
    const lost = await losingCommit(subject.url);
    const through = await open(lost.url);
    const transaction = await through.begin(TIMEOUTS);
    await transaction.takeToken(token, 'job', 'f'.repeat(64));
    lost.arm();
    await assert.rejects(
      transaction.commit(),
      (error) => isFailure(error, 'storage-unreachable') && error.details['outcomeUnknown'] === true,
    );
    await transaction.rollback();
    await through.close();
    await lost.close();
    assert.equal((await database.tokens([token])).get(token)?.kind, 'token');
  },
);

void test('postgres: a server that is away is unreachable, and back without opening anew', async () => {
  const cluster = await startPostgres();
  const database = await open(cluster.url);
  try {
    await database.ensureHoldfastTables();
    const identity = await database.identity();
    await cluster.pause();
    await assertFails(database.identity(), 'storage-unreachable', 'main');
    await assertFails(database.rows([{ table: 'item', key: { id: 1 }, columns: [] }]), 'storage-unreachable');
    await assertFails(
      database.begin(TIMEOUTS).then(async (transaction) => {
        try {
          await transaction.keepAlive();
        } finally {
          await transaction.rollback();
        }
      }),
      'storage-unreachable',
    );
    await cluster.resume();
    assert.deepEqual(await database.identity(), identity);
  } finally {
    await database.close();
    await cluster.stop();
  }
});

void test('postgres: no database of that name is unreachable', async () => {
  const url = new URL(postgres.adminUrl);
  url.pathname = '/does_not_exist';
  const database = await open(url.href);
  await assertFails(database.identity(), 'storage-unreachable', 'does_not_exist');
  await database.close();
});

/** A relay to the server that, once armed, passes what we send and drops the connection instead of passing the answer. */
async function losingCommit(target: string): Promise<{ readonly url: string; arm(): void; close(): Promise<void> }> {
  const { hostname, port } = new URL(target);
  let isArmed = false;
  const { connect: connectTo } = await import('node:net');
  const server = createServer((near) => {
    const far = connectTo(Number(port), hostname);
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => {
      if (!isArmed) near.write(chunk);
      else near.destroy();
    });
    near.on('close', () => far.destroy()).on('error', () => undefined);
    far.on('close', () => near.destroy()).on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    arm: () => void (isArmed = true),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

check(
  'many upserts among which the database takes two keys for one do what they do one by one',
  ['CREATE TABLE padded (code char(4) PRIMARY KEY, label text)'],
  async (_subject, database) => {
    const codes = [...Array.from({ length: 12 }, (_none, n) => `a${n}`), 'a3 '];
    await transact(database, (transaction) =>
      transaction.applyRows(
        codes.map((code, place) => change('row.upsert', 'padded', { code }, { label: `label ${place}` })),
      ),
    );
    assert.deepEqual(
      (await database.query("SELECT label FROM padded WHERE code IN ('a2', 'a3') ORDER BY code", [])).rows,
      [{ label: 'label 2' }, { label: 'label 12' }],
    );
    assert.deepEqual((await database.query('SELECT count(*) AS n FROM padded', [])).rows, [{ n: 12 }]);
  },
);

check(
  'many rows take one statement each five hundred, not one each',
  ['CREATE TABLE counted (id integer PRIMARY KEY)'],
  async (_subject, database) => {
    await transact(database, async (transaction) => {
      await transaction.applyRows(
        Array.from({ length: 1_200 }, (_none, n) => change('row.insert', 'counted', { id: n })),
      );
      // All rows of one statement have one command id.
      assert.deepEqual((await transaction.query('SELECT count(DISTINCT cmin::text) AS n FROM counted', [])).rows, [
        { n: 3 },
      ]);
    });
  },
);
