/** A PostgreSQL store whose server dies at once: what a put has returned for is there when it is up again. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { startPostgres, type PostgresCluster } from '../support/postgres.ts';
import { aDocument } from '../support/sealed-store-suite.ts';

/** A server that writes its log only when somebody waits for that, or after ten seconds. */
const FORGETFUL = ['synchronous_commit = off', 'wal_writer_delay = 10000', 'bgwriter_lru_maxpages = 0'];

const MAX_ROUNDS = 6;

/** By SIGKILL, as when the machine's processes end at once: what was not written is lost with the server's memory. */
async function crash(cluster: PostgresCluster): Promise<void> {
  const [pid] = readFileSync(join(cluster.dataDirectory, 'postmaster.pid'), 'utf8').split('\n');
  process.kill(cluster.supervisor, 'SIGUSR1');
  process.kill(Number(pid), 'SIGKILL');
  await cluster.pause();
  await cluster.resume();
}

test('a server that is set to forget loses a row of its own at a crash, and no checkpoint', async () => {
  const cluster = await startPostgres();
  try {
    const client = new pg.Client(cluster.url);
    client.on('error', () => undefined);
    await client.connect();
    for (const setting of FORGETFUL) await client.query(`ALTER SYSTEM SET ${setting}`);
    await client.query('SELECT pg_reload_conf()');
    await client.query('SET synchronous_commit = on');
    await client.query('CREATE TABLE row (id integer)');
    await client.end();
    let lost = 0;
    // It may have written its log in time by chance: then nothing was shown.
    for (let round = 1; round <= MAX_ROUNDS && lost === 0; round++) {
      const store = openStore(cluster.url);
      await store.put('job', round, aDocument(`${round}`));
      const other = new pg.Client(cluster.url);
      other.on('error', () => undefined);
      await other.connect();
      await other.query('INSERT INTO row VALUES ($1)', [round]);
      await crash(cluster);
      await other.end().catch(() => undefined);
      await store.close().catch(() => undefined);
      const again = openStore(cluster.url);
      assert.ok((await again.get('job', round))?.equals(aDocument(`${round}`)), `checkpoint ${round} is lost`);
      await again.close();
      const looking = new pg.Client(cluster.url);
      await looking.connect();
      const { rowCount } = await looking.query('SELECT FROM row WHERE id = $1', [round]);
      await looking.end();
      if (rowCount === 0) lost += 1;
    }
    assert.ok(lost > 0, 'the server forgot nothing');
  } finally {
    await cluster.stop();
  }
});
