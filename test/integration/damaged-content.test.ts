/** A damaged content of the record: the file and the content are named, and what can't be done isn't offered. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { hash } from 'node:crypto';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';

const LARGE = 'line\n'.repeat(40_000);

let workspace: string;
let job: TestJob;
let blob: string;

beforeEach(async () => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-damaged-')));
  job = openTestJob({ workspace });
  await job.step(fileWriteStep, { path: 'large.txt', content: LARGE });
  const digest = hash('sha256', LARGE);
  blob = join(workspace, '.holdfast/blobs', digest.slice(0, 1), digest.slice(1));
  rot();
});

afterEach(async () => {
  await job.close();
  rmSync(workspace, { recursive: true, force: true });
});

for (const [what, change] of [
  ['is gone', () => rmSync(join(workspace, 'large.txt'))],
  ['was changed', () => writeFileSync(join(workspace, 'large.txt'), 'other\n')],
] as const)
  test(`a file that ${what}, and its content in the record is damaged: both are named`, async () => {
    change();
    const result = await job.verify();
    assert.ok(result.kind === 'question');
    const finding = result.question.findings.find(({ resource }) => resource === 'file:large.txt');
    assert.ok(finding !== undefined, JSON.stringify(result.question.findings));
    assert.ok(finding.difference.includes(blob), finding.difference);
    assert.ok(!finding.answers.includes('restore') && finding.answers.includes('accept'), String(finding.answers));
    writeFileSync(blob, LARGE);
    await job.decide(result.question, { answer: 'recheck' });
    const again = await job.verify();
    assert.ok(again.kind === 'question' && again.question.findings[0]?.answers.includes('restore'));
  });

for (const [answer, left] of [
  ['restore', 'the next\n'],
  ['accept', LARGE],
] as const)
  test(`bytes of a person whose stored content is damaged are stored anew: ${answer}`, async () => {
    const large = join(workspace, 'large.txt');
    await job.step(fileWriteStep, { path: 'large.txt', content: 'the next\n' }, { stepId: 'next' });
    rot();
    writeFileSync(large, LARGE);
    const result = await job.verify();
    assert.ok(result.kind === 'question');
    await job.decide(result.question, { answer });
    assert.equal(readFileSync(large, 'utf8'), left);
    assert.ok(readFileSync(blob, 'utf8') === LARGE, 'what the person had is not in the store');
  });

test('what a step replaces is stored anew where its stored content is damaged', async () => {
  rot();
  await job.step(fileWriteStep, { path: 'large.txt', content: 'the next\n' }, { stepId: 'next' });
  assert.ok(readFileSync(blob, 'utf8') === LARGE, 'what was replaced is not in the store');
});

function rot(): void {
  chmodSync(blob, 0o600);
  writeFileSync(blob, 'rotten');
}
