/** The demo on PostgreSQL: its workers are killed there, too. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import pg from 'pg';
import { testDemo } from '../support/demo-run.ts';
import { testPostgres } from '../support/postgres.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const postgres = await testPostgres();
const { folder, demo } = testDemo(temporal);

test('the demo runs the same on PostgreSQL and leaves neither database nor folder', { timeout: 60_000 }, async () => {
  const { code, out, err } = await demo(['--database', await postgres.database()]);
  assert.equal(code, 0, `${out}${err}`);
  assert.match(out, /PostgreSQL triggers: insert of 1,461 rows, each once/);
  const client = new pg.Client({ connectionString: postgres.adminUrl });
  await client.connect();
  const { rows } = await client.query("SELECT datname FROM pg_database WHERE datname LIKE 'holdfast_demo_%'");
  await client.end();
  assert.deepEqual(rows, []);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('holdfast-demo-')),
    [],
  );
});
