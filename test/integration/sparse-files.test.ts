/** A workspace with a large file that is mostly holes: a disk image, a preallocated database. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { shell, shellSteps } from '../support/command-step.ts';

const SIZE = 100 * 1024 * 1024;
/** Of a file that holds a few bytes here and there. */
const FEW_BLOCKS = 2_048;

let root: string;
let job: TestJob;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-sparse-'));
  const file = openSync(image(), 'w', 0o640);
  writeSync(file, 'begin', 0);
  writeSync(file, 'middle', 50_000_000);
  closeSync(file);
  truncateSync(image(), SIZE);
  job = openTestJob({ workspace: root, steps: shellSteps });
});

afterEach(async () => {
  await job.close();
  rmSync(root, { recursive: true, force: true });
});

const image = (): string => join(root, 'disk.img');
/** In a process of its own: this one's memory is measured. */
const digest = (): string => execFileSync('sha256sum', [image()], { encoding: 'utf8' }).slice(0, 64);
const run = async (line: string, stepId: string): Promise<unknown> => await job.step(shell, { run: line }, { stepId });

test('a file of holes stays one: in the copy of a command, changed by it, and put back by an undoing', async () => {
  const original = digest();
  await run('echo x > other.txt; stat -c "%b %a" disk.img > seen.txt', 'beside');
  const [blocks, mode] = readFileSync(join(root, 'seen.txt'), 'utf8').trim().split(' ');
  assert.ok(Number(blocks) < FEW_BLOCKS, `its copy has ${blocks} blocks`);
  assert.equal(mode, '640');
  // The first step has loaded what each one needs.
  const memory = process.resourceUsage().maxRSS;
  await run('printf changed | dd of=disk.img bs=1 seek=70000000 conv=notrunc 2> /dev/null', 'change');
  assert.ok(statSync(image()).blocks < FEW_BLOCKS, `changed, it has ${statSync(image()).blocks} blocks`);
  const dd = ['bs=1', 'skip=70000000', 'count=7', 'status=none', `if=${image()}`];
  assert.equal(execFileSync('dd', dd, { encoding: 'utf8' }), 'changed');
  assert.equal(statSync(image()).size, SIZE);
  await job.undo();
  assert.ok(statSync(image()).blocks < FEW_BLOCKS, `put back, it has ${statSync(image()).blocks} blocks`);
  assert.equal(digest(), original);
  assert.equal(statSync(image()).mode & 0o777, 0o640);
  const grownBytes = (process.resourceUsage().maxRSS - memory) * 1024;
  assert.ok(grownBytes < (SIZE / 4) * 3, `the process has grown by ${grownBytes} bytes`);
});
