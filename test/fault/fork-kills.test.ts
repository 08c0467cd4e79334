/**
 * A process that makes a fork and begins its job is killed by SIGKILL, its successor goes on: the fork is of its
 * checkpoint, whole, and begins once; the other job is as it was.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answerOf, startChild } from '../support/child-process.ts';
import type { ForkOrder } from '../support/fork-child.ts';
import { linesOf, type Killing } from '../support/killing.ts';
import { fingerprint, memoryIfBegun, type ForkAnswer } from '../support/forked-job.ts';
import { chainOf, readLedger } from '../support/ledger.ts';
import { checkpointsOf, firstHalf, makeWorld, openRewoundJob, secondHalf, worldOf } from '../support/rewound-job.ts';
import { twoAtATime } from '../support/undo-kills.ts';

const CHILD = new URL('../support/fork-child.ts', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'holdfast-fork-kills-'));
/** Whoever is killed leaves copies of the ledger that it reads. */
const TMPDIR = join(root, 'temporary');
mkdirSync(TMPDIR);
after(() => rmSync(root, { recursive: true, force: true }));

const from = join(root, 'other');
let at: number;
let head: string;
let atCheckpoint: unknown;
let other: unknown;

before(async () => {
  const job = openRewoundJob({ workspace: makeWorld(from) });
  await firstHalf(job);
  atCheckpoint = worldOf(from);
  await secondHalf(job);
  at = checkpointsOf(job)[1]!;
  head = readLedger(from, (ledger) => ledger.headAt(job.jobId, at)!);
  await job.close();
  other = fingerprint(from);
});

/** Undefined: it was killed. */
async function fork(name: string, killing: Killing = {}): Promise<ForkAnswer | undefined> {
  const into = join(root, `${name}`, 'fork');
  const order: ForkOrder = { from, into, at, runId: 'run', ...memoryIfBegun(into, { seq: at, head }), ...killing };
  return await answerOf<ForkAnswer>(
    startChild({ script: CHILD, order, compiled: join(root, 'compiled'), env: { TMPDIR } }),
  );
}

/** What a killed process leaves is no fork, or the whole one. */
function mustBeNoneOrWhole(name: string): void {
  const into = join(root, name, 'fork');
  if (existsSync(into)) assert.deepEqual(worldOf(into), atCheckpoint);
  assert.deepEqual(fingerprint(from), other);
}

function mustBeForked(name: string, answer: ForkAnswer | undefined): void {
  assert.equal(answer?.kind, 'verified', JSON.stringify(answer));
  assert.deepEqual(worldOf(join(root, name, 'fork')), atCheckpoint);
  assert.deepEqual(fingerprint(from), other);
  assert.deepEqual(readdirSync(join(root, name)), ['fork'], 'nothing is left beside it');
  const kinds = chainOf(join(root, name, 'fork'), answer.jobId).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === 'forked').length, 1);
  const ids = readLedger(join(root, name, 'fork'), (ledger) => ledger.jobIds());
  assert.deepEqual(ids, [answer.jobId]);
}

test(
  'killed at every point of a fork in turn, it is whole in the end and begins once',
  { timeout: 400_000 },
  async () => {
    const killed = join(root, 'killed');
    let answer;
    for (let processes = 1; answer === undefined; processes++) {
      assert.ok(processes <= 100, 'each process is killed at another point');
      answer = await fork('every', { killOnceAt: 'every point', killed });
      if (answer === undefined) mustBeNoneOrWhole('every');
    }
    for (const point of [
      'ledger-commit.before',
      'database-commit.after',
      'link.before',
      'rename.before',
      'rename.after',
    ])
      assert.ok(linesOf(killed).includes(point), `${point} is reached: ${linesOf(killed).join(', ')}`);
    mustBeForked('every', answer);
  },
);

test(
  'killed once at each hit of each point, a fork is whole in the end and begins once',
  { timeout: 600_000 },
  async () => {
    const hits = join(root, 'hits');
    mustBeForked('unharmed', await fork('unharmed', { hits }));
    const counted = new Map<string, number>();
    const all = linesOf(hits).map((point) => {
      const hit = (counted.get(point) ?? 0) + 1;
      counted.set(point, hit);
      return { point, hit };
    });
    // Each fsync stands between points of what it is for.
    const kills = all.filter(({ point }) => !point.startsWith('fsync.'));
    assert.ok(kills.length > 20, `${kills.length} hits`);
    const failures = await twoAtATime(kills, async (kill, index) => {
      const name = `kill-${index}`;
      const first = await fork(name, { kill, killed: join(root, `killed-${index}`) });
      mustBeNoneOrWhole(name);
      mustBeForked(name, first ?? (await fork(name)));
      rmSync(join(root, name), { recursive: true });
    });
    assert.deepEqual(failures, []);
  },
);
