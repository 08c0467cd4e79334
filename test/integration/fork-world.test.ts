/** What a fork is made of, without a server: files, rows and record of a job at a checkpoint; the other job's stay. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFork } from '../../src/fork/make-fork.ts';
import type { ForkOptions } from '../../src/fork/options.ts';
import type { PreparedFork } from '../../src/fork/prepared.ts';
import { isFailure } from '../../src/model/failure.ts';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
import { fingerprint, memoryOfFork } from '../support/forked-job.ts';
import { chainOf } from '../support/ledger.ts';
import {
  calls,
  checkpointsOf,
  firstHalf,
  makeWorld,
  openRewoundJob,
  secondHalf,
  SQLITE,
  worldOf,
} from '../support/rewound-job.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

class ForkedJob extends TestedJob {
  folder = '';
  /** At the checkpoint in the middle. */
  before: unknown;

  override begin(): void {
    this.folder = mkdtempSync(join(tmpdir(), 'holdfast-forked-'));
    this.job = openRewoundJob({ workspace: makeWorld(join(this.folder, 'other')) });
  }

  override async end(): Promise<void> {
    await super.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get into(): string {
    return join(this.folder, 'fork');
  }

  async run(...more: readonly ('log' | 'call')[]): Promise<number> {
    await firstHalf(this.job);
    this.before = worldOf(this.job.workspace);
    await secondHalf(this.job, ...more);
    return checkpointsOf(this.job)[1]!;
  }

  async fork(options: Pick<ForkOptions, 'at'> & Partial<ForkOptions>): Promise<PreparedFork> {
    return await makeFork(
      this.job.workspace,
      { workspace: this.into, by: 'test', reason: 'another way', ...options },
      {},
    );
  }
}

const forked = forEachTest(new ForkedJob());

/** What the database draws by lot is another in each. */
function withoutChance(workspace: string): unknown {
  return JSON.parse(JSON.stringify(worldOf(workspace)).replaceAll(/"seen":"[0-9A-F]+"/g, '"seen":""'));
}

async function refused(made: Promise<unknown>): Promise<string> {
  try {
    await made;
  } catch (error) {
    assert.ok(isFailure(error, 'bad-input', 'not-found', 'busy'), String(error));
    return error.message;
  }
  assert.fail('it was made');
}

test('a fork has the files, rows and record of its checkpoint, and the other job is as it was', async () => {
  const at = await forked.run();
  const other = fingerprint(forked.job.workspace);
  const made = await forked.fork({ at });
  assert.deepEqual(worldOf(forked.into), forked.before);
  assert.deepEqual(fingerprint(forked.job.workspace), other);
  assert.deepEqual(made.fork.done, ['first']);
  assert.deepEqual(readdirSync(forked.folder).sort(), ['fork', 'other']);
  await using job = openRewoundJob({ workspace: forked.into, memory: memoryOfFork(made) });
  const verified = await job.verify();
  assert.equal(verified.kind, 'verified', JSON.stringify(verified));
  const chain = chainOf(forked.into, job.jobId);
  const origin = chain.find(({ kind }) => kind === 'forked');
  assert.ok(origin?.kind === 'forked');
  assert.deepEqual([origin.from.jobId, origin.from.seq, origin.reason], [forked.job.jobId, at, 'another way']);
  const begun = chain.at(-1)!;
  assert.ok(begun.kind === 'checkpoint');
  assert.deepEqual([begun.source, begun.parent, begun.next], ['fork', at, ['second', 'add', 'make', 'call']]);
});

test('what was done is known as done, and what came after runs anew under tokens of the fork’s own', async () => {
  const at = await forked.run('call');
  const made = await forked.fork({ at });
  const earlier = calls().length;
  await using job = openRewoundJob({ workspace: forked.into, memory: memoryOfFork(made) });
  await firstHalf(job);
  await secondHalf(job, 'call');
  const steps = chainOf(forked.into, job.jobId).flatMap((record) => (record.kind === 'step' ? [record] : []));
  assert.deepEqual(
    steps.map(({ stepId, jobId }) => [stepId, jobId === job.jobId]),
    [
      ['first', false],
      ['second', true],
      ['add', true],
      ['make', true],
      ['call', true],
    ],
  );
  assert.equal(calls().length, earlier + 1);
  assert.notEqual(calls().at(-1), calls().at(-2), 'the call is made anew, with another key');
  assert.deepEqual(withoutChance(forked.into), withoutChance(forked.job.workspace));
  assert.equal((await job.verify()).kind, 'verified');
});

test('a person’s file in the fork is asked about, and the other job goes on', async () => {
  const at = await forked.run();
  const made = await forked.fork({ at });
  await using job = openRewoundJob({ workspace: forked.into, memory: memoryOfFork(made) });
  writeFileSync(join(forked.into, 'over.txt'), 'a person\n');
  const asked = await job.verify();
  assert.ok(asked.kind === 'question');
  assert.deepEqual(
    asked.question.findings.map(({ resource }) => resource),
    ['file:over.txt'],
  );
  assert.equal((await forked.job.verify()).kind, 'verified');
});

test('a statement that nothing undoes is refused by name, unless it is said that it stays', async () => {
  const at = await forked.run('log');
  assert.match(await refused(forked.fork({ at })), /Step log .* nothing undoes: INSERT INTO said/);
  assert.deepEqual(readdirSync(forked.folder), ['other']);
  await forked.fork({ at, items: { 'statements:log': 'keep' } });
  assert.match(JSON.stringify(worldOf(forked.into)), /said/);
});

test('rows and files that are not as the record has them are named, and nothing is made', async () => {
  const at = await forked.run();
  const { sqliteScript } = await import('../support/sqlite.ts');
  sqliteScript(forked.at(SQLITE), "UPDATE note SET text = 'a person' WHERE id = 1");
  assert.match(await refused(forked.fork({ at })), /row:main\/note\/\{"id":1\}/);
  assert.equal(existsSync(forked.into), false);
});

test('what no record speaks of is copied as it is now, or left', async () => {
  const at = await forked.run();
  forked.put('notes/mine.txt', 'mine\n');
  const made = await forked.fork({ at });
  assert.equal(made.files?.others, 2);
  assert.equal(existsSync(join(forked.into, 'notes/mine.txt')), true);
  const left = await forked.fork({ at, workspace: `${forked.into}-2`, others: 'leave' });
  assert.equal(left.files?.others, 0);
  assert.equal(existsSync(`${forked.into}-2/notes/mine.txt`), false);
});

test('bad input is named, and nothing is made', async () => {
  const at = await forked.run();
  const other = fingerprint(forked.job.workspace);
  assert.match(await refused(forked.fork({ at: 999 })), /has no checkpoint 999: its checkpoints are, newest first, /);
  assert.match(await refused(forked.fork({ at, workspace: forked.job.workspace })), /a folder of its own/);
  assert.match(await refused(forked.fork({ at, workspace: forked.at('inner') })), /a folder of its own/);
  assert.match(await refused(forked.fork({ at, workspace: forked.folder })), /a folder of its own/);
  assert.match(
    await refused(forked.fork({ at, databases: { mian: 'sqlite:x.db' } })),
    /no database "mian"; it declares main/,
  );
  const own = `sqlite:${forked.at(SQLITE)}`;
  assert.match(await refused(forked.fork({ at, databases: { main: own } })), /the other job's own/);
  assert.match(await refused(forked.fork({ at, job: 'another' })), /no record of job another/);
  assert.match(await refused(forked.fork({ at, items: { 'perform:call/ring': 'repeat' } })), /statements:STEP=keep/);
  writeFileSync(join(forked.folder, 'there.db'), '');
  const there = `sqlite:${join(forked.folder, 'there.db')}`;
  assert.match(await refused(forked.fork({ at, databases: { main: there } })), /is there already/);
  assert.equal(existsSync(forked.into), false);
  assert.deepEqual(fingerprint(forked.job.workspace), other);
});

test('the same command finds the fork that has not begun; another one is refused', async () => {
  const at = await forked.run();
  const made = await forked.fork({ at });
  const again = await forked.fork({ at });
  assert.deepEqual([again.isFound, again.fork], [true, made.fork]);
  assert.match(await refused(forked.fork({ at: checkpointsOf(forked.job)[0]! })), /is not empty/);
  await using job = openRewoundJob({ workspace: forked.into, memory: memoryOfFork(made) });
  await job.verify();
  assert.match(await refused(forked.fork({ at })), /is not empty/);
});

test('a fork of a fork goes from its own checkpoints; of one before it the other job is named', async () => {
  const at = await forked.run();
  const made = await forked.fork({ at });
  await using job = openRewoundJob({ workspace: forked.into, memory: memoryOfFork(made) });
  await job.verify();
  await secondHalf(job);
  const own = { by: 'test', workspace: `${forked.into}-2` };
  assert.match(await refused(makeFork(forked.into, { ...own, at }, {})), /is one of test-.*, which it is a fork of/);
  const begun = checkpointsOf(job).at(-1)!;
  await makeFork(forked.into, { ...own, at: begun }, {});
  assert.deepEqual(worldOf(`${forked.into}-2`), forked.before);
  await using inspection = await WorkspaceInspection.open(`${forked.into}-2`, {});
  assert.deepEqual(inspection.integrityProblems(inspection.jobs()[0]!.jobId), []);
});

test('in a fork nothing of the other job is undone, and it goes back no further than to its beginning', async () => {
  const at = await forked.run('call');
  const made = await forked.fork({ at });
  await using job = openRewoundJob({ workspace: forked.into, memory: memoryOfFork(made) });
  await job.verify();
  await secondHalf(job);
  const begun = checkpointsOf(job).at(-1)!;
  const back = await job.rewind({ to: at });
  assert.ok(back.kind === 'refused');
  assert.match(back.problems.join(), /is one of test-.*, which this job is a fork of.*--at/s);
  assert.equal((await job.rewind({ to: begun })).kind, 'repaired');
  assert.deepEqual(worldOf(forked.into), forked.before);
  await secondHalf(job);
  await job.undo();
  assert.deepEqual(worldOf(forked.into), forked.before);
});
