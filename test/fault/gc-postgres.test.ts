/** Cleaning up where the checkpoints are in a PostgreSQL that is away, cut off, or says no. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { collectBelow, type GcReport } from '../../src/protocol/retention/gc.ts';
import { cutConnection } from '../support/cut-connection.ts';
import { copyOfWorld, endedWorld, isRecorded, LATER_MS, mustBeClean, mustBeThere } from '../support/gc-world.ts';
import type { GcWorld } from '../support/gc-world.ts';
import { testPostgres } from '../support/postgres.ts';

const postgres = await testPostgres();
const root = mkdtempSync(join(tmpdir(), 'holdfast-gc-postgres-'));
after(() => rmSync(root, { recursive: true, force: true }));
let done: GcWorld;
before(async () => {
  done = await endedWorld(join(root, 'done'), await postgres.database());
});
let count = 0;

async function copied(): Promise<GcWorld> {
  return copyOfWorld(done, join(root, `copy-${count++}`), await postgres.database(done.checkpoints));
}

async function gc({ folder }: GcWorld, checkpoints: string): Promise<GcReport> {
  const nowMs = Date.now() + LATER_MS;
  return await collectBelow(folder, { env: { CHECKPOINTS: checkpoints }, nowMs, dryRun: false, unusedForMs: 0 });
}

/** Nothing is lost; the record, which alone names the store, stays until the store is cleaned up. */
async function mustBeTold({ problems }: GcReport, world: GcWorld, pattern: RegExp): Promise<void> {
  assert.equal(problems.length, 1, JSON.stringify(problems));
  assert.match(problems[0]!.what, pattern);
  assert.ok(problems[0]!.next.length > 20, problems[0]!.next);
  assert.ok(isRecorded(world), 'the record stays');
  await mustBeThere(world);
}

async function mustGoOn(world: GcWorld): Promise<void> {
  assert.deepEqual((await gc(world, world.checkpoints)).problems, []);
  await mustBeClean(world);
}

test('a server that is away: the archive is made, the record stays, the next gc does the rest', async () => {
  const world = await copied();
  const away = new URL(world.checkpoints);
  away.port = '1';
  await mustBeTold(await gc(world, away.href), world, /ECONNREFUSED|can't be reached|could not/i);
  await mustGoOn(world);
});

for (const when of ['before', 'after'] as const)
  for (const [what, at] of [
    ['an old checkpoint', '.generation WHERE series = $1 AND generation = $2::bigint AND set_config'],
    ['a content', 'WITH gone AS'],
    ['the list of contents', 'floor(extract(epoch FROM at)'],
  ] as const)
    test(`the connection is cut ${when} the statement for ${what} arrives: told, and done by the next gc`, async () => {
      const world = await copied();
      await using way = await cutConnection(world.checkpoints);
      way.cut = { at, when };
      const first = await gc(world, way.url);
      assert.ok(way.cuts > 0, 'it was cut');
      await mustBeTold(first, world, /connection|ECONNRESET|terminated/i);
      await mustGoOn(world);
    });

test('a role that may not delete: which permission is missing is told, nothing is removed', async () => {
  const world = await copied();
  const client = new pg.Client(world.checkpoints);
  await client.connect();
  const role = `keeper_${process.pid}`;
  const schema = 'holdfast_checkpoint';
  try {
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'keeper'`);
    await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    await client.query(`GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    const own = new URL(world.checkpoints);
    [own.username, own.password] = [role, 'keeper'];
    await mustBeTold(await gc(world, own.href), world, /DELETE/);
    await client.query(`GRANT DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    assert.deepEqual((await gc(world, own.href)).problems, []);
    await mustBeClean(world);
  } finally {
    await client.query(`DROP OWNED BY ${role}`);
    await client.query(`DROP ROLE ${role}`);
    await client.end();
  }
});
