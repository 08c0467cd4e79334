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

/** The call, its error, how many such calls gc makes at least: each of them fails. */
const CALLS: readonly [string, number, number][] = [
  ['fsync', EIO, 20],
  ['fsync', ENOSPC, 20],
  ['write', ENOSPC, 110],
  ['write', EIO, 110],
  ['read', EIO, 150],
  ['open', EACCES, 42],
  ['open', EROFS, 40],
  ['list', EACCES, 70],
  ['list', EIO, 70],
  ['link', EIO, 1],
  ['link', EROFS, 1],
  ['rename', EIO, 1],
  ['unlink', EACCES, 20],
  ['unlink', EROFS, 20],
  ['mkdir', EACCES, 3],
  ['mkdir', ENOSPC, 3],
];

for (const [call, errno, least] of CALLS)
  test(
    `whichever ${call} fails (${errno}), gc loses nothing and tells what it left, and the next one does it`,
    { skip: withoutCompiler },
    async (t) => {
      const order: FailingGcOrder = { done, copies: root, call, errno };
      const end = await answerOf<FailingEnd & { told: number }>(
        startChild({ script: CHILD, order, compiled: join(root, 'compiled'), env: { LD_PRELOAD: library } }),
      );
      t.diagnostic(`${end?.failed} failed, ${end?.told} of these were told`);
      assert.deepEqual(end?.wrong, []);
      assert.ok(end!.failed >= least, `${end?.failed} were made to fail`);
    },
  );
