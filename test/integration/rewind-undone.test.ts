/** A rewind that is undone, without a server: what it took away is put back, with the results of its steps. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chainOf, decisionsOf } from '../support/ledger.ts';
import {
  calls,
  checkpointsOf,
  firstHalf,
  makeWorld,
  openRewoundJob,
  secondHalf,
  worldOf,
} from '../support/rewound-job.ts';
import { sqliteScript } from '../support/sqlite.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

class RewoundJob extends TestedJob {
  folder = '';
  /** Before it went back. */
  whole: unknown;
  to = 0;

  override begin(): void {
    this.folder = mkdtempSync(join(tmpdir(), 'holdfast-rewind-undone-'));
    this.job = openRewoundJob({ workspace: makeWorld(this.folder) });
  }

  override async end(): Promise<void> {
    await super.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async goBack(...more: readonly ('log' | 'call')[]): Promise<void> {
    await firstHalf(this.job);
    await secondHalf(this.job, ...more);
    this.whole = this.world;
    this.to = checkpointsOf(this.job)[1]!;
    const items = more.includes('log') ? { items: { 'statements:log': 'repeat' as const } } : {};
    const result = await this.job.rewind({ to: this.to, ...items });
    assert.ok(result.kind === 'repaired', JSON.stringify(result));
  }

  async undo(): Promise<readonly string[]> {
    const result = await this.job.rewind({ undo: true, reason: 'it was right' });
    assert.ok(result.kind === 'repaired', JSON.stringify(result));
    assert.equal((await this.job.verify()).kind, 'verified', 'the record says the same');
    return result.reinstated ?? [];
  }

  get world(): unknown {
    return worldOf(this.job.workspace);
  }

  get steps(): readonly (readonly [string, number])[] {
    return chainOf(this.job.workspace, this.job.jobId).flatMap((record) =>
      record.kind === 'step' ? [[record.stepId, record.generation] as const] : [],
    );
  }
}

const rewound = forEachTest(new RewoundJob());

test('files, rows and statements are as before the rewind, and its steps are done with their old results', async () => {
  await rewound.goBack('call');
  const back = rewound.world;
  assert.deepEqual(await rewound.undo(), ['second', 'add', 'make', 'call']);
  assert.deepEqual(rewound.world, rewound.whole);
  assert.notDeepEqual(back, rewound.whole);
  const undone = decisionsOf(rewound.job.workspace, rewound.job.jobId).at(-1)!;
  assert.deepEqual([undone.rewindsTo, undone.reason], [rewound.to, 'it was right']);
  assert.equal(undone.undoesRewind, decisionsOf(rewound.job.workspace, rewound.job.jobId)[0]!.seq);
  const before = rewound.steps;
  const made = calls().length;
  await secondHalf(rewound.job, 'call');
  assert.deepEqual(rewound.steps, before, 'each is answered from the record');
  assert.equal(calls().length, made);
  assert.deepEqual(rewound.world, rewound.whole);
});

test('what has run since is taken back first, and comes again where the undoing is undone', async () => {
  await rewound.goBack();
  await secondHalf(rewound.job, 'call');
  const again = rewound.world;
  await rewound.undo();
  assert.deepEqual(rewound.world, rewound.whole);
  assert.deepEqual(await rewound.undo(), ['second', 'add', 'make', 'call']);
  assert.deepEqual(rewound.world, again);
  await rewound.undo();
  assert.deepEqual(rewound.world, rewound.whole);
});

test('a statement that nothing undoes stays where it was, and is not made again', async () => {
  await rewound.goBack('log');
  await rewound.undo();
  assert.deepEqual(rewound.world, rewound.whole);
});

test('what a person had accepted is put back as it was accepted', async () => {
  await firstHalf(rewound.job);
  await secondHalf(rewound.job);
  writeFileSync(rewound.at('over.txt'), 'a person again\n');
  const asked = await rewound.job.verify();
  assert.ok(asked.kind === 'question');
  await rewound.decide(asked.question, { answer: 'accept' });
  const whole = rewound.world;
  assert.ok((await rewound.job.rewind({ to: checkpointsOf(rewound.job)[1]! })).kind === 'repaired');
  await rewound.undo();
  assert.deepEqual(rewound.world, whole);
  assert.equal(rewound.text('over.txt'), 'a person again\n');
});

test('where a path is not as the record has it nothing is put back', async () => {
  await rewound.goBack();
  writeFileSync(rewound.at('made.txt'), 'a person made this\n');
  const found = rewound.world;
  const moved = await rewound.job.rewind({ undo: true });
  assert.deepEqual(moved.kind === 'world-moved' && moved.resources, ['file:made.txt']);
  assert.deepEqual(rewound.world, found);
});

test('a content that is not kept any more is named, and nothing is put back', async () => {
  await rewound.goBack();
  const found = rewound.world;
  rmSync(join(rewound.job.workspace, '.holdfast', 'blobs'), { recursive: true });
  sqliteScript(join(rewound.job.workspace, '.holdfast', 'ledger.sqlite'), 'DELETE FROM content');
  const refused = await rewound.job.rewind({ undo: true });
  assert.ok(refused.kind === 'refused', JSON.stringify(refused));
  assert.match(refused.problems.join('\n'), /file:over\.txt cannot be put back: what it held then .* is not kept/);
  assert.deepEqual(rewound.world, found);
});

test('without a rewind there is nothing to undo', async () => {
  await firstHalf(rewound.job);
  const refused = await rewound.job.rewind({ undo: true });
  assert.match(JSON.stringify(refused), /the job was never taken back to a checkpoint/);
  await assert.rejects(
    rewound.job.rewind({}),
    /expected to \(the number of a checkpoint\) or undo \(true\), found neither/,
  );
  await assert.rejects(rewound.job.rewind({ to: 1, undo: true }), /found both/);
});
