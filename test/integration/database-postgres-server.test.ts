/** `Database` over PostgreSQL: what its sessions, its locks and its outages do to a transaction. */
import assert from 'node:assert/strict';
import type { Database } from '../../src/effects/database/database.ts';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isFailure } from '../../src/model/failure.ts';
import { ABSENT } from '../../src/model/record/world.ts';
import { assertFails, change, rowOf, TIMEOUTS, transact } from '../support/database-subject.ts';
import { direct, open, postgresCheck } from '../support/postgres-subject.ts';
import { startPostgres, testPostgres } from '../support/postgres.ts';

const postgres = await testPostgres();
const CONNECTIONS =
  'SELECT count(*)::int AS n FROM pg_stat_activity ' +
  "WHERE datname = current_database() AND application_name = 'holdfast test'";
const check = postgresCheck(postgres);

const ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, label text)';

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

check('commits wait for the standbys where the server asks for that', [ITEM], async (subject) => {
  const setting = "SELECT current_setting('synchronous_commit') AS it";
  const name = new URL(subject.url).pathname.slice(1);
  await subject.direct(`ALTER DATABASE "${name}" SET synchronous_commit = remote_apply`);
  const again = await subject.open();
  await transact(again, async (transaction) => {
    assert.deepEqual((await transaction.query(setting, [])).rows, [{ it: 'remote_apply' }]);
    await transaction.applySql({ text: 'SET LOCAL synchronous_commit = off', params: [] });
    await transaction.settle();
    assert.deepEqual((await transaction.query(setting, [])).rows, [{ it: 'remote_apply' }]);
  });
  await again.close();
});

check(
  'what a function does to its session unseen does not reach the next',
  [
    'CREATE FUNCTION sly() RETURNS text LANGUAGE sql AS ' + "$$ SELECT set_config('search_path', 'nowhere', false) $$",
    ITEM,
    'INSERT INTO item VALUES (1)',
  ],
  async (_subject, database) => {
    await database.query('SELECT sly()', []);
    assert.equal((await rowOf(database, 'item', { id: 1 }, ['label'])).kind, 'row');
    await transact(database, (transaction) => transaction.applySql({ text: 'SELECT sly()', params: [] }));
    assert.equal((await rowOf(database, 'item', { id: 1 }, ['label'])).kind, 'row');
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
  await assertFails(database.query('SELECT pg_sleep(20)', [], { signal: AbortSignal.timeout(100) }), 'cancelled');
  assert.ok(performance.now() - started < 3000);
  const [result] = await direct(
    subject.url,
    'SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state = ' +
      "'active' AND query LIKE 'SELECT pg_sleep%'",
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
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND ' +
      "application_name = 'holdfast test'";
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

/**
 * A relay to the server that, once armed, passes what we send and drops the connection instead of passing the answer.
 */
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
  'however many workspaces use a server at once, a worker opens few connections, and all get their turn',
  [ITEM],
  async (subject) => {
    const databases = await Promise.all(Array.from({ length: 40 }, () => subject.open()));
    const opened = new Set<number>();
    const use = async (database: Database, id: number): Promise<void> => {
      await transact(database, async (transaction) => {
        await transaction.applyRow(change('row.insert', 'item', { id }));
        // What goes on while a transaction is open needs a second connection.
        await Promise.all([database.schema('item'), rowOf(database, 'item', { id }, ['label'])]);
        const [busy] = await direct(subject.url, CONNECTIONS);
        opened.add((busy!.rows[0] as { n: number }).n);
      });
    };
    await Promise.all(databases.map(use));
    assert.ok(Math.max(...opened) <= 20, `${Math.max(...opened)} connections were open at once`);
    await Promise.all(databases.map((database) => database.close()));
    const [left] = await direct(subject.url, CONNECTIONS);
    assert.ok((left!.rows[0] as { n: number }).n <= 20);
  },
);
