/**
 * A whole job on a disk that fails: each kind of call fails once, at one place after the other, or its process is
 * killed there. HOLDFAST_EVERY=1 leaves no place out; otherwise what is called most often fails at every so many-th.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answerOf, startChild } from '../support/child-process.ts';
import { differenceOf, driveDiskJob, endOf, fresh, prepareDisk, readKept, type DiskEnd } from './support/disk-job.ts';
import type { OneOrder, SweepEnd, SweepOrder } from './support/disk-errors-child.ts';
import { buildFailingIo, withoutCompiler } from './support/failing-io.ts';
import { seededRandom, theSeed } from './support/seed.ts';

const CHILD = new URL('./support/disk-errors-child.ts', import.meta.url).pathname;
const isEvery = process.env['HOLDFAST_EVERY'] === '1';
const seed = theSeed();
const random = seededRandom(seed);
const root = mkdtempSync(join(tmpdir(), 'holdfast-disk-errors-'));
let library: string;
before(() => {
  if (withoutCompiler === false) library = buildFailingIo(root);
});
after(() => rmSync(root, { recursive: true, force: true }));

type Code = 'EIO' | 'ENOSPC' | 'EMFILE' | 'EACCES' | 'EROFS';

/** The call, its error, every how many-th fails, how many a job makes at least. */
const CALLS: readonly (readonly [string, Code, number, number])[] = [
  ['read', 'EIO', 3, 900],
  ['write', 'ENOSPC', 7, 600],
  ['write', 'EIO', 31, 600],
  ['write', 'EROFS', 31, 600],
  ['fsync', 'EIO', 1, 120],
  ['open', 'EMFILE', 2, 250],
  ['open', 'EACCES', 7, 250],
  ['open', 'EROFS', 29, 250],
  ['rename', 'EIO', 1, 10],
  ['rename', 'EACCES', 3, 10],
  ['link', 'ENOSPC', 1, 4],
  ['unlink', 'EIO', 1, 20],
  ['unlink', 'EACCES', 5, 20],
  ['mkdir', 'ENOSPC', 2, 50],
  ['mkdir', 'EACCES', 1, 50],
  ['rmdir', 'EIO', 1, 4],
  ['list', 'EIO', 3, 10],
];

/**
 * Where SQLite answers, it does so in words of its own, and mostly without the system's code. Everything else names the
 * code.
 */
const SQLITE_SAYS: Readonly<Record<string, readonly string[]>> = {
  // Of the job's database; of the record it is looked at again.
  'read EIO': ['disk I/O error', 'main.db is damaged: database disk image is malformed'],
  'write ENOSPC': ['database or disk is full'],
  'write EIO': ['disk I/O error'],
  'write EROFS': ['disk I/O error'],
  'fsync EIO': ['disk I/O error'],
  // It removes its journal with a COMMIT.
  'unlink EIO': ['disk I/O error'],
  'unlink EACCES': ['disk I/O error'],
  'open EMFILE': ['unable to open database file'],
  // It opens for reading what it can't open for writing.
  'open EACCES': ['unable to open database file', 'attempt to write a readonly database'],
  'open EROFS': ['unable to open database file', 'attempt to write a readonly database'],
};

for (const [call, code, often, least] of CALLS)
  test(
    `whichever ${call} of a job fails with ${code}, the job ends as one that met no failure, or asks naming it`,
    { skip: withoutCompiler },
    async (t) => {
      const stride = isEvery ? 1 : often;
      const from = 1 + Math.floor(random() * stride);
      const otherWords = SQLITE_SAYS[`${call} ${code}`] ?? [];
      const order: SweepOrder = { call, code, otherWords, errno: constants.errno[code], stride, from };
      const child = startChild({ script: CHILD, role: 'sweep', order, env: { LD_PRELOAD: library, TMPDIR: root } });
      const end = await answerOf<SweepEnd>(child);
      assert.ok(end !== undefined, 'it was killed');
      t.diagnostic(`${end.failed} of ${end.calls} calls failed; ${end.asked} were asked about (HOLDFAST_SEED=${seed})`);
      for (const text of end.told) t.diagnostic(text);
      assert.deepEqual(end.wrong, []);
      assert.ok(end.calls >= least && end.failed >= Math.floor(least / stride), `${end.failed} of ${end.calls} failed`);
    },
  );

/** Of each kind of call as many, chosen anew each time. */
const KILLS_EACH = 4;

for (const call of ['read', 'write', 'fsync', 'open', 'rename', 'link', 'unlink', 'mkdir', 'rmdir'])
  test(
    `killed at any ${call}, in a write half-way, a job ends as one that was not (HOLDFAST_SEED=${seed})`,
    { skip: withoutCompiler },
    async () => {
      const wanted = await undisturbed();
      const least = Math.min(...CALLS.filter(([one]) => one === call).map(([, , , calls]) => calls));
      const wrong: string[] = [];
      for (let count = 0; count < KILLS_EACH; count++) {
        const place = 1 + Math.floor(random() * least);
        const folder = join(root, `${call}-${count}`);
        const places = prepareDisk(folder);
        const kept = join(folder, 'kept');
        const order: OneOrder = { places, kept, fails: `${call} ${place} 0 ${join(folder, 'told')}` };
        const child = startChild({ script: CHILD, role: 'one', order, env: { LD_PRELOAD: library, TMPDIR: root } });
        assert.equal(await answerOf(child), undefined, `${call} ${place}: it was not killed`);
        const over = await driveDiskJob(places, readKept(kept), { workerId: 'the next worker' });
        const difference = differenceOf(await endOf(places, over), wanted);
        const asked = over.asked.filter((text) => !text.startsWith('discrepancy: file:notes/a.txt changed'));
        if (difference !== undefined || asked.length > 0)
          wrong.push(`${call} ${place}: ${difference}; ${asked.join()}`);
      }
      assert.deepEqual(wrong, []);
    },
  );

let end: DiskEnd | undefined;

async function undisturbed(): Promise<DiskEnd> {
  if (end === undefined) {
    const places = prepareDisk(join(root, 'undisturbed'));
    end = await endOf(places, await driveDiskJob(places, fresh()));
  }
  return end;
}
