/**
 * A process that makes a fork with a PostgreSQL database is killed by SIGKILL at each point in turn. What it has left
 * in the server is named by the next one and never taken for the fork's; once that is dropped the fork is of its
 * checkpoint, whole, and begins once. The other job, its database too, is as it was.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { answerOf, startChild } from '../support/child-process.ts';
import type { ForkOrder } from '../support/fork-child.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { fingerprint, memoryIfBegun, type ForkAnswer } from '../support/forked-job.ts';
import { chainOf, readLedger } from '../support/ledger.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';
import {
  checkpointsOf,
  FAR_TABLES,
  farJob,
  farWorldOf,
  makeWorld,
  openRewoundJob,
  worldOf,
} from '../support/rewound-job.ts';

const CHILD = new URL('../support/fork-child.ts', import.meta.url).pathname;
const postgres = await testPostgres();
const root = mkdtempSync(join(tmpdir(), 'holdfast-fork-postgres-kills-'));
/** Whoever is killed leaves copies of the ledger that it reads. */
const TMPDIR = join(root, 'temporary');
mkdirSync(TMPDIR);
after(() => rmSync(root, { recursive: true, force: true }));

async function hasDatabase(name: string): Promise<boolean> {
  const [found] = await direct(postgres.adminUrl, `SELECT 1 FROM pg_database WHERE datname = '${name}'`);
  return found!.rowCount === 1;
}

async function killedAtEveryPoint(t: TestContext, folder: string, base?: string): Promise<void> {
  const place = join(root, folder);
  const url = await postgres.database();
  await direct(url, ...FAR_TABLES);
  const job = openRewoundJob({ workspace: makeWorld(join(place, 'other')), far: url });
  const { middle } = await farJob(job, url);
  // What a default has drawn by lot no record has: it is another in a database that is filled.
  const comparable = (world: unknown): unknown =>
    base === undefined ? world : JSON.parse(JSON.stringify(world).replaceAll(/"seen":"[0-9a-f]{32}"/g, '"seen":""'));
  const at = checkpointsOf(job)[1]!;
  const head = readLedger(job.workspace, (ledger) => ledger.headAt(job.jobId, at)!);
  const from = job.workspace;
  await job.close();
  const other = fingerprint(from);
  const otherRows = await farWorldOf(from, url);
  const to = new URL(url);
  to.pathname = `${to.pathname}_fork`;
  const name = to.pathname.slice(1);
  const dropped = async (): Promise<void> =>
    void (await direct(postgres.adminUrl, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`));
  const anew = async (): Promise<void> => {
    await dropped();
    if (base !== undefined) await direct(postgres.adminUrl, `CREATE DATABASE "${name}"`);
  };
  after(dropped);
  await anew();
  const into = join(place, 'made', 'fork');
  const killed = join(place, 'killed');
  const known = { seq: at, head };
  /** Undefined: it was killed. */
  const fork = async (killing: Killing): Promise<ForkAnswer | undefined> => {
    const far = { from: url, to: to.href, ...(base === undefined ? {} : { base }) };
    const order: ForkOrder = { from, into, at, runId: 'run', far, ...memoryIfBegun(into, known), ...killing };
    return await answerOf<ForkAnswer>(
      startChild({ script: CHILD, order, compiled: join(root, 'compiled'), env: { TMPDIR } }),
    );
  };
  let answer: ForkAnswer | undefined;
  let named = 0;
  for (let processes = 1; answer === undefined; processes++) {
    assert.ok(processes <= 200, 'each process is killed at another point');
    answer = await fork({ killOnceAt: 'every point', killed });
    assert.deepEqual(fingerprint(from), other);
    assert.deepEqual(await farWorldOf(from, url), otherRows);
    if (existsSync(into))
      assert.deepEqual(comparable(await farWorldOf(into, to.href)), comparable(middle), 'none, or the whole one');
    if (answer?.kind !== 'refused') continue;
    assert.match(answer.message!, /Database "far": the database is there already, with \d+ tables/);
    assert.ok(await hasDatabase(name), 'what it names is there');
    assert.equal(existsSync(into), false, 'there is no fork beside it');
    named += 1;
    await anew();
    answer = undefined;
  }
  const points = linesOf(killed);
  t.diagnostic(`killed at ${points.length} points; what was left was named ${named} times`);
  for (const point of ['database-commit.before', 'database-commit.after', 'rename.before', 'rename.after'])
    assert.ok(points.includes(point), `${point} is reached: ${points.join(', ')}`);
  assert.equal(named > 0, base === undefined, 'a kill behind the copy leaves it; what is not committed is not there');
  assert.equal(answer.kind, 'verified', JSON.stringify(answer));
  assert.deepEqual(comparable(await farWorldOf(into, to.href)), comparable(middle));
  assert.deepEqual(readdirSync(join(place, 'made')), ['fork'], 'nothing is left beside it');
  assert.equal(chainOf(into, answer.jobId).filter(({ kind }) => kind === 'forked').length, 1);
  const tokens = async (of: string): Promise<unknown> =>
    (await direct(of, 'SELECT token FROM holdfast_token ORDER BY token'))[0]!.rows;
  assert.equal(((await tokens(to.href)) as unknown[]).length, 1, 'of what was done before the checkpoint');
  assert.equal(((await tokens(url)) as unknown[]).length, 3);
  if (base !== undefined) await killedOnceFilled();

  /** Committed, and the folder has not got its name yet. */
  async function killedOnceFilled(): Promise<void> {
    const hits = join(place, 'hits');
    const again = async (killing: Killing = {}): Promise<ForkAnswer | undefined> => {
      rmSync(into, { recursive: true, force: true });
      return await fork(killing);
    };
    await anew();
    await again({ hits });
    for (let hit = linesOf(hits).filter((point) => point === 'rename.before').length; ; hit--) {
      assert.ok(hit > 0, 'one of them is the folder’s');
      await anew();
      await again({ kill: { point: 'rename.before', hit } });
      if (!existsSync(into)) break;
    }
    assert.deepEqual(
      comparable(await farWorldOf(from, to.href)),
      comparable({ ...(middle as object), near: worldOf(from) }),
    );
    const refused = await again();
    assert.match(refused?.message ?? '', /is there already, with \d+ tables\. Expected one that is empty/);
    await anew();
    assert.equal((await again())?.kind, 'verified');
    assert.deepEqual(comparable(await farWorldOf(into, to.href)), comparable(middle));
  }
}

test('killed at every point of a fork with a PostgreSQL database, it is whole in the end and begins once', (t) =>
  killedAtEveryPoint(t, 'copied'));

test('killed at every point of a fork into an empty PostgreSQL database, it is whole in the end and begins once', (t) =>
  killedAtEveryPoint(t, 'filled', FAR_TABLES.join(';')));
