/** What a killed process leaves in the place for temporary files goes with the next one; what lives, stays. */
import assert from 'node:assert/strict';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { TemporaryFolder } from '../../src/store/life/temporary-folder.ts';
import { answerOf, killed, startChild, type StartedChild } from '../support/child-process.ts';
import type { Killing } from '../support/killing.ts';

const CHILD = new URL('../support/temporary-child.ts', import.meta.url).pathname;
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-temporary-')));
const outer = process.env['TMPDIR'];
let place = root;
beforeEach(() => {
  place = mkdtempSync(join(root, 'place-'));
  process.env['TMPDIR'] = place;
});
after(() => {
  if (outer === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = outer;
  rmSync(root, { recursive: true, force: true });
});

const start = (order: Killing = {}): StartedChild =>
  startChild({ script: CHILD, order, compiled: join(root, 'compiled'), env: { TMPDIR: place } });
const there = (): readonly string[] => readdirSync(place).sort();

function nextOne(): void {
  using own = TemporaryFolder.make('trial');
  assert.deepEqual(readdirSync(own.path), []);
}

test('killed before, after and while it works in its temporary folder, it leaves nothing to the next one', async () => {
  for (const [point, left] of [
    ['mkdir.before', 1],
    ['mkdir.after', 2],
  ] as const) {
    assert.equal(await answerOf(start({ kill: { point, hit: 1 } })), undefined);
    assert.equal(there().length, left, `${point}: ${there().join(', ')}`);
    nextOne();
    assert.deepEqual(there(), [], point);
  }
  const child = start();
  await child.said('works');
  await killed(child.process);
  assert.equal(there().length, 2);
  nextOne();
  assert.deepEqual(there(), []);
});

test('the temporary folder of a process that lives stays, and goes when it ends', async () => {
  const child = start();
  await child.said('works');
  const before = there();
  assert.equal(before.length, 2, `${before.join(', ')}; ${child.printed()}`);
  nextOne();
  assert.deepEqual(there(), before);
  child.process.kill('SIGTERM');
  assert.equal((await child.end).code, 0);
  assert.deepEqual(there(), []);
});

test('what another user has put into the place, and what has no lock beside it, stays', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can make files of another user');
  const foreign = join(place, 'holdfast-trial-0123456789abcdef');
  writeFileSync(`${foreign}.lock`, '');
  mkdirSync(foreign);
  const alone = join(place, 'holdfast-trial-00112233445566aa');
  mkdirSync(alone);
  chownSync(`${foreign}.lock`, 12_345, 12_345);
  nextOne();
  assert.ok(existsSync(foreign) && existsSync(`${foreign}.lock`), 'the lock is of another user');
  chownSync(`${foreign}.lock`, 0, 0);
  chownSync(foreign, 12_345, 12_345);
  nextOne();
  assert.ok(existsSync(foreign), 'the folder is of another user');
  assert.ok(existsSync(alone));
});
