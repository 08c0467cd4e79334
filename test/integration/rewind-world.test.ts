/** What a rewind does to the world, without a server: files, rows, statements, what a command changed, calls. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
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
import { forEachTest, TestedJob } from '../support/tested-job.ts';

class RewoundJob extends TestedJob {
  folder = '';
  /** At the checkpoint in the middle. */
  before: unknown;

  override begin(): void {
    this.folder = mkdtempSync(join(tmpdir(), 'holdfast-rewound-'));
    this.job = openRewoundJob({ workspace: makeWorld(this.folder) });
  }

  override async end(): Promise<void> {
    await super.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async run(...more: readonly ('log' | 'call')[]): Promise<number> {
    await firstHalf(this.job);
    this.before = this.world;
    await secondHalf(this.job, ...more);
    return checkpointsOf(this.job)[1]!;
  }

  get world(): unknown {
    return worldOf(this.job.workspace);
  }
}

const rewound = forEachTest(new RewoundJob());

function problemsOf(result: Awaited<ReturnType<RewoundJob['job']['rewind']>>): string {
  assert.equal(result.kind, 'refused');
  return result.problems.join('\n');
}

test('files, rows and what commands and statements did are as at the checkpoint, and run again', async () => {
  const to = await rewound.run();
  const after = rewound.world;
  const result = await rewound.job.rewind({ to, reason: 'the wrong sources' });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(
    result.reruns.map(({ stepId }) => stepId),
    ['second', 'add', 'make'],
  );
  assert.deepEqual(rewound.world, rewound.before);
  const [record] = decisionsOf(rewound.job.workspace, rewound.job.jobId);
  assert.deepEqual([record?.questionKind, record?.rewindsTo, record?.reason], ['rewind', to, 'the wrong sources']);
  assert.equal((await rewound.job.verify()).kind, 'verified', 'the record says the same');
  await secondHalf(rewound.job);
  rewound.put('second/as-before.txt', '');
  assert.match(JSON.stringify(after), /made/);
  assert.equal(rewound.text('made.txt'), 'made\n');
  assert.equal(rewound.text('over.txt'), 'second over\nmore\n');
});

test('a statement that nothing undoes must be named, and a call keeps its answer', async () => {
  const to = await rewound.run('log', 'call');
  const after = rewound.world;
  assert.match(problemsOf(await rewound.job.rewind({ to })), /INSERT INTO said.*statements:log=repeat/s);
  assert.deepEqual(rewound.world, after);
  const result = await rewound.job.rewind({ to, items: { 'statements:log': 'repeat' } });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.match(result.notes.join('\n'), /perform:call\/ring: it cannot be undone; its recorded answer is kept/);
  assert.match(result.notes.join('\n'), /has no undo and stays/);
  await secondHalf(rewound.job, 'call');
  assert.equal(calls().length, 1);
});

test('what is not as the record has it is not taken back, what a person has accepted is', async () => {
  const to = await rewound.run();
  writeFileSync(rewound.at('over.txt'), 'a person again\n');
  const after = rewound.world;
  const moved = await rewound.job.rewind({ to });
  assert.deepEqual(moved.kind === 'world-moved' && moved.resources, ['file:over.txt']);
  assert.deepEqual(rewound.world, after);
  const asked = await rewound.job.verify();
  assert.ok(asked.kind === 'question');
  await rewound.decide(asked.question, { answer: 'accept' });
  const result = await rewound.job.rewind({ to });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(rewound.world, rewound.before);
  const { kept } = decisionsOf(rewound.job.workspace, rewound.job.jobId).at(-1)!;
  await using inspection = await WorkspaceInspection.open(rewound.job.workspace, {});
  const chunks: Buffer[] = [];
  for await (const chunk of inspection.content(kept['file:over.txt']!)!) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), 'a person again\n');
});

test('a checkpoint that can’t be gone back to is refused, and nothing changes', async () => {
  const to = await rewound.run();
  const [input] = checkpointsOf(rewound.job);
  const after = rewound.world;
  const records = chainOf(rewound.job.workspace, rewound.job.jobId).length;
  const unknown = problemsOf(await rewound.job.rewind({ to: 999 }));
  assert.match(unknown, new RegExp(`has no checkpoint 999: its checkpoints are, newest first, ${to}, ${input}`));
  assert.deepEqual(rewound.world, after);
  assert.equal(chainOf(rewound.job.workspace, rewound.job.jobId).length, records);
  assert.ok((await rewound.job.rewind({ to })).kind === 'repaired');
  assert.match(problemsOf(await rewound.job.rewind({ to })), /Nothing lies after checkpoint/);
  assert.ok((await rewound.job.rewind({ to: input! })).kind === 'repaired');
  assert.match(
    problemsOf(await rewound.job.rewind({ to })),
    /what first had done then was taken back.*before them is/s,
  );
  await firstHalf(rewound.job);
  assert.match(problemsOf(await rewound.job.rewind({ to })), /what first had done then was taken back/);
});
