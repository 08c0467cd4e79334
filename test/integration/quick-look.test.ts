/** `verify: quick`: what is still as it was hashed last is not read; whatever stat can tell is noticed. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import * as z from 'zod';
import { FINE_NS } from '../../src/effects/files/grain.ts';
import { defineStep, implementStep, openTestJob, type TestJob } from '../../src/testing.ts';
import { comparedQuestion } from '../support/questions.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

const COUNT = 5;
const OLD_ENOUGH_MS = 2 * Number(FINE_NS / 1_000_000n);
const make = defineStep({ name: 'make', input: z.object({}), output: z.null() });
const steps = [
  implementStep(make, async (ctx) => {
    for (let index = 0; index < COUNT; index++) await ctx.files.write(`f${index}.txt`, `content ${index}`);
    return null;
  }),
];

class QuickJob extends TestedJob {
  override async begin(): Promise<void> {
    this.job = openTestJob({ steps, verify: 'quick' });
    await this.job.step(make, {});
    await sleep(OLD_ENOUGH_MS);
  }

  get known(): string {
    return this.at('.holdfast/known-files.json');
  }
}

const tested = forEachTest(new QuickJob());

/** How many files a comparison did not read. */
async function unread(job: TestJob = tested.job): Promise<number | undefined> {
  const result = await job.verify();
  assert.ok(result.kind === 'verified', JSON.stringify(result));
  return result.unread;
}

test('a file that is as it was hashed last is not read again; what is new is', async () => {
  assert.equal(await unread(), 0);
  assert.equal(await unread(), COUNT);
  const { ino, mtimeMs } = statSync(tested.known);
  assert.equal(await unread(), COUNT);
  assert.deepEqual([statSync(tested.known).ino, statSync(tested.known).mtimeMs], [ino, mtimeMs], 'nothing is written');
});

test('a full comparison reads every file', async () => {
  await unread();
  await using full = openTestJob({ steps, workspace: tested.job.workspace, resume: tested.job.memory });
  assert.equal(await unread(full), undefined);
});

test('a change is noticed, also one of the same length whose modification time was put back', async () => {
  await unread();
  const { atime, mtime } = statSync(tested.at('f2.txt'));
  writeFileSync(tested.at('f2.txt'), 'CONTENT 2');
  utimesSync(tested.at('f2.txt'), atime, mtime);
  const { findings } = await comparedQuestion(tested.job);
  assert.deepEqual(
    findings.map(({ resource }) => resource),
    ['file:f2.txt'],
  );
});

test('a file that was too young to be told from a later change when it was hashed is read again', async () => {
  await unread();
  tested.put('f1.txt', 'content 1');
  assert.equal(await unread(), COUNT - 1);
  // Hashed within the grain of its stamps: they can't tell it from a change that followed at once.
  assert.equal(await unread(), COUNT - 1);
});

for (const [what, change] of [
  ['of another machine', (head) => (head['machine'] = 'another')],
  ['of another folder', (head) => (head['root'] = '1:2:3')],
  ['of a time that the clock has not reached', (head) => (head['savedAtMs'] = Date.now() + 60_000)],
  ['whose digest is another', (head) => (head['digest'] = 'x')],
] as const satisfies readonly (readonly [string, (head: Record<string, unknown>) => unknown])[])
  test(`what is known ${what} is not believed: every file is read`, async () => {
    await unread();
    assert.equal(await unread(), COUNT);
    const [first, line] = readFileSync(tested.known, 'utf8').split('\n');
    const head = JSON.parse(first!) as Record<string, unknown>;
    change(head);
    writeFileSync(tested.known, `${JSON.stringify(head)}\n${line}\n`);
    assert.equal(await unread(), 0);
    assert.equal(await unread(), COUNT);
  });

test('what is known and was changed, or torn, is not believed', async () => {
  await unread();
  const text = readFileSync(tested.known, 'utf8');
  writeFileSync(tested.known, text.replace(/[0-9a-f]{64}","?(?=[^"]*$)/, '').slice(0, -20));
  assert.equal(await unread(), 0);
  writeFileSync(tested.known, 'no JSON');
  assert.equal(await unread(), 0);
});

test('a copy of the workspace is read whole', async () => {
  await unread();
  const copy = join(tested.job.workspace, '..', `${tested.job.workspace.split('/').at(-1)}-copy`);
  cpSync(tested.job.workspace, copy, { recursive: true, preserveTimestamps: true });
  try {
    await using job = openTestJob({ steps, workspace: copy, resume: tested.job.memory, verify: 'quick' });
    assert.equal(await unread(job), 0);
  } finally {
    rmSync(copy, { recursive: true });
  }
});
