/** Cleaning up on a disk that fails, is full, read-only or forbidden: nothing is lost, all is told, and gc goes on. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answerOf, startChild } from '../support/child-process.ts';
import { endedWorld, type GcWorld } from '../support/gc-world.ts';
import type { FailingEnd } from './support/failing-io-child.ts';
import type { FailingGcOrder } from './support/failing-gc-child.ts';
import { buildFailingIo, withoutCompiler } from './support/failing-io.ts';

const CHILD = new URL('./support/failing-gc-child.ts', import.meta.url).pathname;
const { EACCES, EIO, ENOSPC, EROFS } = constants.errno;
const root = mkdtempSync(join(tmpdir(), 'holdfast-gc-errors-'));
after(() => rmSync(root, { recursive: true, force: true }));
let library: string;
let done: GcWorld;
before(async () => {
  if (withoutCompiler !== false) return;
  library = buildFailingIo(root);
  done = await endedWorld(join(root, 'done'));
});

/** The call, its error, how many calls of the first gc fail at least, how many there are from one to the next. */
const CALLS: readonly [string, number, number, number][] = [
  ['fsync', EIO, 10, 2],
  ['fsync', ENOSPC, 20, 1],
  ['write', ENOSPC, 10, 9],
  ['write', EIO, 10, 11],
  ['read', EIO, 20, 7],
  ['open', EACCES, 6, 7],
  ['open', EROFS, 8, 5],
  ['list', EACCES, 10, 7],
  ['list', EIO, 10, 7],
  ['link', EIO, 1, 1],
  ['link', EROFS, 1, 1],
  ['rename', EIO, 1, 1],
  ['unlink', EACCES, 10, 2],
  ['unlink', EROFS, 20, 1],
  ['mkdir', EACCES, 3, 1],
  ['mkdir', ENOSPC, 3, 1],
];

for (const [call, errno, least, stride] of CALLS)
  test(
    `whichever ${call} fails (${errno}), gc loses nothing and tells what it left, and the next one does it`,
    { skip: withoutCompiler },
    async (t) => {
      const order: FailingGcOrder = { done, copies: root, call, errno, stride };
      const end = await answerOf<FailingEnd & { told: number }>(
        startChild({ script: CHILD, order, compiled: join(root, 'compiled'), env: { LD_PRELOAD: library } }),
      );
      t.diagnostic(`${end?.failed} failed, ${end?.told} of these were told`);
      assert.deepEqual(end?.wrong, []);
      assert.ok(end!.failed >= least, `${end?.failed} were made to fail`);
    },
  );
