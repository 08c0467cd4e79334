/**
 * A process that makes a fork from a store alone is killed by SIGKILL at each point in turn: the fork is of its
 * checkpoint, whole, and begins once; the store is as it was. The other job's workspace is gone.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { noteOf } from '../../src/model/checkpoint/note.ts';
import { LedgerCopy } from '../../src/protocol/inspect/ledger-copy.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { openStoredForkJob, storedStep, type ForkStoreOrder } from '../support/fork-store-child.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { fingerprint, memoryIfBegun, type ForkAnswer } from '../support/forked-job.ts';
import { chainOf, readLedger } from '../support/ledger.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';
import { checkpointsOf } from '../support/rewound-job.ts';
import { snapshotFiles } from '../support/snapshot.ts';
import { sealAll } from '../support/stored-job.ts';

const CHILD = new URL('../support/fork-store-child.ts', import.meta.url).pathname;
const BASE = 'CREATE TABLE note (id int PRIMARY KEY, text text)';
const postgres = await testPostgres();
const root = mkdtempSync(join(tmpdir(), 'holdfast-fork-store-kills-'));
/** Whoever is killed leaves copies of what it reads, which the next one removes. */
const TMPDIR = join(root, 'temporary');
mkdirSync(TMPDIR);
const left = (): readonly string[] => readdirSync(TMPDIR).filter((name) => name.startsWith('holdfast-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Once somebody has read this record. */
async function leftAfterAnother(folder: string): Promise<readonly string[]> {
  const outer = process.env['TMPDIR'];
  process.env['TMPDIR'] = TMPDIR;
  try {
    (await LedgerCopy.of(folder))[Symbol.dispose]();
    return left();
  } finally {
    if (outer === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = outer;
  }
}

const filesOf = (workspace: string): unknown =>
  Object.fromEntries(
    Object.keys(snapshotFiles(workspace, []))
      .filter((path) => path.endsWith('.txt'))
      .map((path) => [path, readFileSync(join(workspace, path), 'utf8').slice(0, 40)]),
  );

async function rowsOf(url: string): Promise<unknown> {
  return (await direct(url, 'SELECT * FROM note ORDER BY id')).at(-1)!.rows;
}

/** A job that has ended, known by its store alone. */
async function storedJob(place: string, url: string | undefined) {
  const job = openStoredForkJob(join(place, 'other'), url);
  const begins = { begins: {}, job: { type: 'agentJob', args: [] } };
  const input = noteOf({ parent: null, source: 'input', step: -1, tasks: [], next: ['one'], writes: [], ...begins });
  const loop = noteOf({ parent: input.digest, source: 'loop', step: 0, tasks: [], next: ['two'], writes: [] });
  const hasRows = url !== undefined;
  await job.step(storedStep, { n: 1, hasRows }, { stepId: 'one', checkpoints: [input] });
  const middle = { files: filesOf(job.workspace), rows: hasRows ? await rowsOf(url) : [] };
  await job.step(storedStep, { n: 2, hasRows }, { stepId: 'two', checkpoints: [loop] });
  const at = checkpointsOf(job)[1]!;
  const head = readLedger(job.workspace, (ledger) => ledger.headAt(job.jobId, at)!);
  await sealAll(job);
  await job.close();
  rmSync(job.workspace, { recursive: true });
  const workflowId = job.jobId.slice(0, job.jobId.lastIndexOf('@'));
  return { from: `${join(place, 'store')}/${workflowId}@${at}`, at, head, middle };
}

async function killedAtEveryPoint(t: TestContext, folder: string, hasRows: boolean): Promise<void> {
  const place = join(root, folder);
  mkdirSync(join(place, 'other'), { recursive: true });
  const [url, to] = hasRows ? [await postgres.database(), await postgres.database()] : [];
  if (url !== undefined) await direct(url, BASE);
  const { from, at, head, middle } = await storedJob(place, url);
  const store = join(place, 'store');
  const before = fingerprint(store);
  const into = join(place, 'made', 'fork');
  const known = { seq: at, head };
  /** Undefined: it was killed. */
  const fork = async (killing: Killing): Promise<ForkAnswer | undefined> => {
    const rows = to === undefined ? {} : { filled: { to, base: BASE } };
    const order: ForkStoreOrder = { from, into, runId: 'run', ...rows, ...memoryIfBegun(into, known), ...killing };
    return await answerOf<ForkAnswer>(
      startChild({ script: CHILD, order, compiled: join(root, 'compiled'), env: { TMPDIR } }),
    );
  };
  const mustBeWhole = async (): Promise<void> => {
    assert.deepEqual(filesOf(into), middle.files);
    if (to !== undefined) assert.deepEqual(await rowsOf(to), middle.rows);
  };
  const killed = join(place, 'killed');
  let answer: ForkAnswer | undefined;
  let mostLeft = 0;
  for (let processes = 1; answer === undefined; processes++) {
    assert.ok(processes <= 200, 'each process is killed at another point');
    answer = await fork({ killOnceAt: 'every point', killed });
    assert.deepEqual(fingerprint(store), before, 'nothing is written in the store');
    mostLeft = Math.max(mostLeft, left().length);
    // The job as the store has it, two copies of its record, and their locks: never those of several processes.
    assert.ok(left().length <= 6, `of the one that was killed last: ${left().join(', ')}`);
    if (existsSync(into)) await mustBeWhole();
    if (answer?.kind !== 'refused') continue;
    // It was filled, and the folder had not got its name.
    assert.match(answer.message!, /Database "main": the database is there already, with \d+ tables/);
    assert.equal(existsSync(into), false, 'there is no fork beside it');
    await direct(to!, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    answer = undefined;
  }
  const points = linesOf(killed);
  t.diagnostic(`killed at ${points.length} points: ${points.join(', ')}`);
  const reached = ['ledger-commit.before', 'rename.before', 'rename.after', 'link.before'];
  for (const point of [...reached, ...(hasRows ? ['database-commit.before', 'database-commit.after'] : [])])
    assert.ok(points.includes(point), `${point} is reached: ${points.join(', ')}`);
  assert.equal(answer.kind, 'verified', JSON.stringify(answer));
  await mustBeWhole();
  assert.ok(mostLeft > 0, 'a process that was killed leaves something');
  assert.deepEqual(await leftAfterAnother(into), []);
  assert.deepEqual(readdirSync(join(place, 'made')), ['fork'], 'nothing is left beside it');
  const chain = chainOf(into, answer.jobId);
  assert.equal(chain.filter(({ kind }) => kind === 'forked').length, 1);
  assert.deepEqual(
    readLedger(into, (ledger) => ledger.jobIds()),
    [answer.jobId],
  );
}

test('killed at every point of a fork from a store, it is whole in the end and begins once', (t) =>
  killedAtEveryPoint(t, 'files', false));

test('killed at every point of a fork from a store into an empty database, it is whole and begins once', (t) =>
  killedAtEveryPoint(t, 'rows', true));
