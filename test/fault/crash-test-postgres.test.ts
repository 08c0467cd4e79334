/** The crash test of a job with a PostgreSQL database: each run has a copy of its own. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { crashTest, type CrashTestOptions } from '../../src/testing.ts';
import { postgresCopies } from '../support/postgres-copies.ts';
import { ownPostgres } from '../support/postgres.ts';
import { testTemporal } from '../support/temporal.ts';

const { address, namespace } = await testTemporal();
const postgres = await ownPostgres();
const url = await postgres.database();
// A sequence's number is used up also by what is taken back.
await query(url, 'CREATE TABLE booking (ref text PRIMARY KEY, at serial, guest text)');
await query(url, 'CREATE TABLE note (guest text)');
await query(url, `INSERT INTO note (guest) VALUES ('Eve')`);

test('rows by ctx are there once; a row past ctx is found twice, and the database itself stays as it is', async () => {
  const points = ['user-code.after', 'seal.after', 'applying.before', 'applying.after', 'record.before'];
  const report = await crashTest({
    ...booking(['book', 'book-past']),
    points: [...points, 'book/database-commit.before'],
  });
  const sound = report.cases.filter(({ step }) => step === 'book');
  assert.deepEqual(new Set(sound.map(({ point }) => point)), new Set([...points, 'database-commit.before']));
  for (const one of sound) assert.equal(one.outcome, 'same', JSON.stringify(one, null, 1));
  const { difference } = report.faults.find(({ difference: { kind } }) => kind === 'rows') ?? assert.fail('not found');
  assert.equal(difference.what, 'table:BOOKS_URL/note');
  assert.equal(difference.step, 'book-past');
  assert.match(difference.expected, /^2 rows/);
  assert.match(difference.found, /^3 rows, with \{.*"Bob"/);
  assert.match(difference.advice, /ctx\.db/);
  assert.deepEqual(await query(url, 'SELECT guest FROM booking UNION ALL SELECT guest FROM note'), [{ guest: 'Eve' }]);
  assert.deepEqual(await postgresCopies(postgres.adminUrl), []);
});

function booking(ids: readonly string[]): CrashTestOptions {
  return {
    plan: {
      schemaVersion: 1,
      name: 'booking',
      workspace: 'booking',
      databases: { books: { url: '${{ env.BOOKS_URL }}' } },
      steps: ids.map((id, at) => ({ id, use: id, needs: ids.slice(0, at).slice(-1) })),
    },
    steps: [path.join(import.meta.dirname, '../fixtures/crash-test/booking-steps.ts')],
    env: { ...process.env, BOOKS_URL: url },
    seed: 1,
    address,
    namespace,
  };
}

async function query(of: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ connectionString: of });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
