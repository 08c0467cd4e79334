/**
 * A machine is put back to an earlier moment: workspace, record and SQLite file are those of then, and the server has
 * gone on. Once with the worker that ran at that moment and goes on in it, its record open; once with a new one.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { killed, type StartedChild } from '../support/child-process.ts';
import { cutConnection } from '../support/cut-connection.ts';
import { snapshotFiles, sqliteTables } from '../support/snapshot.ts';
import { testTemporal } from '../support/temporal.ts';
import { visit, VisitedJob } from './support/visited-job.ts';

const temporal = await testTemporal();
const jobs: VisitedJob[] = [];
const OPTIONS = { timeout: 300_000 };

after(async () => {
  for (const job of jobs) await job.remove();
});

const approved = { approval: 'before-apply' };
const PLAN = {
  steps: [visit('a', 1, []), visit('b', 2, ['a'], approved), visit('c', 3, ['b']), visit('d', 4, ['c'], approved)],
};

/** The disk as it is, but not the workers' places in memory. */
function copyTo(job: VisitedJob, name: string): string {
  const copy = job.beside(name);
  execFileSync('cp', ['-a', job.workspace, copy]);
  return copy;
}

/** Contents are put into the very files that are there: what a process has open, it has open. */
function putBackInPlace(from: string, to: string): void {
  const entries = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  const wanted = entries(from);
  for (const place of entries(to)) if (!wanted.includes(place)) rmSync(join(to, place));
  for (const place of wanted) {
    mkdirSync(dirname(join(to, place)), { recursive: true });
    writeFileSync(join(to, place), readFileSync(join(from, place)), { mode: statSync(join(from, place)).mode });
  }
}

const worldOf = (job: VisitedJob): unknown => [
  snapshotFiles(job.workspace, ['main.db']),
  sqliteTables(job.at('main.db')),
  job.calls(),
];

interface Restored {
  readonly job: VisitedJob;
  /** A copy of what was lost by putting the earlier moment back. */
  readonly newer: string;
}

/** a is done and b waits at the earlier moment; b and c are done, and d waits, when it is put back. */
async function putBack(whose: 'the worker of then' | 'a new worker', plan: object = {}): Promise<Restored> {
  const job = new VisitedJob(temporal);
  jobs.push(job);
  const way = await cutConnection(`http://${temporal.address}`);
  after(async () => await way[Symbol.asyncDispose]());
  const then = await job.startWorker({ address: new URL(way.url).host });
  await job.start({ ...PLAN, ...plan });
  const first = await job.asked('approval');
  then.process.kill('SIGSTOP');
  way.cutAll();
  const snapshot = copyTo(job, 'snapshot');
  const meanwhile: StartedChild = await job.startWorker();
  await job.answer(first, { answer: 'approve' });
  await job.untilDone('c');
  await job.asked('approval');
  await killed(meanwhile.process);
  const newer = copyTo(job, 'newer');
  putBackInPlace(snapshot, job.workspace);
  if (whose === 'the worker of then') then.process.kill('SIGCONT');
  else {
    await killed(then.process);
    await job.startWorker();
  }
  return { job, newer };
}

async function isRecognised(job: VisitedJob): Promise<Awaited<ReturnType<VisitedJob['asked']>>> {
  const before = worldOf(job);
  await job.approve();
  const question = await job.asked('damaged');
  assert.deepEqual(
    question.findings.map(({ kind }) => kind),
    ['ledger-behind'],
  );
  assert.match(question.findings[0]!.found.text, /ends at record/);
  assert.deepEqual(worldOf(job), before, 'nothing is done while it is asked');
  return question;
}

for (const whose of ['the worker of then', 'a new worker'] as const)
  test(
    `a machine that is put back, with ${whose}: the older record is named; with the newer all is once`,
    OPTIONS,
    async () => {
      const { job, newer } = await putBack(whose);
      const question = await isRecognised(job);
      // As the question advises: the whole folder, and the files and rows that belong to it.
      renameSync(job.workspace, job.beside('older'));
      execFileSync('cp', ['-a', newer, job.workspace]);
      await job.answer(question, { answer: 'recheck' });
      await job.approve();
      await job.endsWithEachEffectOnce();
    },
  );

test(
  'a machine that is put back, and the newer is lost: made anew from the store, nothing is called again',
  OPTIONS,
  async () => {
    const { job } = await putBack('a new worker', { checkpoint: { store: 'store' } });
    await job.answer(await isRecognised(job), { answer: 'rebuild' });
    // What the lost world had is put back from the record; the call of d is known to have been made.
    const drift = await job.asked('discrepancy');
    const items = Object.fromEntries(
      drift.findings.map(({ resource, kind }) => [resource, kind === 'token-missing' ? 'accept' : 'restore']),
    );
    assert.deepEqual(drift.findings.map(({ kind }) => kind).toSorted(), [
      'missing',
      'missing',
      'row-missing',
      'row-missing',
      'token-missing',
      'token-missing',
    ]);
    await job.answer(drift, { items });
    const doubt = await job.asked('in-doubt');
    const kinds = doubt.findings.map(({ resource, kind }) => `${resource} ${kind}`);
    await job.answer(doubt, { answer: 'happened', result: 'rung d' });
    assert.deepEqual(kinds, ['perform:d/ring outcome-unknown']);
    await job.approve();
    await job.endsWithEachEffectOnce();
  },
);
