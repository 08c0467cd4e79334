/**
 * A step with sub-steps on a disk that fails: each kind of call fails once, at one place after the other; and the power
 * is lost at hits of each fault point, which takes what was committed to the ledger after its last fsync.
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answerOf, startChild } from '../support/child-process.ts';
import { carryOut, type SubStepEnd } from '../support/sub-step-child.ts';
import { comparable, lookAt, SubStepKills } from '../support/sub-step-kills.ts';
import { chooseKills } from './support/chosen-kills.ts';
import { buildFailingIo, withoutCompiler } from './support/failing-io.ts';
import type { FailingEnd, FailingOrder } from './support/failing-io-child.ts';
import { seededRandom, theSeed } from './support/seed.ts';

const CHILD = new URL('./support/failing-io-child.ts', import.meta.url).pathname;
const LEDGER_FILES = ['ledger.sqlite', 'ledger.sqlite-wal'];
const seed = theSeed();
const random = seededRandom(seed);
const root = mkdtempSync(join(tmpdir(), 'holdfast-disks-'));
let library: string;
before(() => {
  if (withoutCompiler === false) library = buildFailingIo(root);
});
after(() => rmSync(root, { recursive: true, force: true }));

const { EIO, ENOSPC, EMFILE } = constants.errno;

/** The call, its error, every how many-th fails, how many there are at least. */
const CALLS: readonly [string, number, number, number][] = [
  ['fsync', EIO, 2, 20],
  ['write', ENOSPC, 12, 20],
  ['rename', EIO, 1, 3],
  ['link', ENOSPC, 1, 3],
  ['unlink', EIO, 2, 3],
  ['mkdir', ENOSPC, 1, 3],
  ['open', EMFILE, 6, 10],
];

for (const [call, errno, stride, least] of CALLS)
  test(
    `whichever ${call} fails while sub-steps run, they are tried again and end as those that met no failure`,
    { skip: withoutCompiler },
    async (t) => {
      t.diagnostic(`HOLDFAST_SEED=${seed}`);
      const order: FailingOrder = { call, errno, stride, from: 1 + Math.floor(random() * stride) };
      const end = await answerOf<FailingEnd>(
        startChild({ script: CHILD, order, env: { LD_PRELOAD: library, TMPDIR: root } }),
      );
      assert.ok(end !== undefined, 'it was killed');
      assert.deepEqual(end.wrong, []);
      assert.ok(end.failed >= least, `${end.failed} were made to fail`);
      t.diagnostic(`${end.failed} failures`);
    },
  );

test(
  `power lost at any point, sub-steps end as those that had it (HOLDFAST_SEED=${seed})`,
  {
    skip: withoutCompiler,
  },
  async (t) => {
    using kills = new SubStepKills();
    const reference = await kills.untilItEnds('reference', { hits: 'counted' });
    const wanted = comparable(reference);
    const chosen = chooseKills(reference.hits, seed, 1);
    const failures: string[] = [];
    let [next, lost] = [0, 0];
    const tryOne = async (): Promise<void> => {
      for (let kill = chosen[next++]; kill !== undefined; kill = chosen[next++]) {
        const name = `hit ${kill.hit} of ${kill.point}`;
        const order = kills.place(`${next} ${name}`, { kill });
        const shadow = join(order.outside, 'shadow');
        mkdirSync(shadow);
        const env = { LD_PRELOAD: library, HOLDFAST_IO_ROOT: order.workspace, HOLDFAST_IO_SHADOW: shadow };
        assert.equal(await answerOf<SubStepEnd>(kills.start(order, env)), undefined, `${name}: it was not killed`);
        lost += putBack(shadow, join(order.workspace, '.holdfast')) ? 1 : 0;
        try {
          assert.deepEqual(comparable(await lookAt(order, await carryOut(order))), wanted);
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message}`);
        }
      }
    };
    await Promise.all([tryOne(), tryOne()]);
    t.diagnostic(`${chosen.length} power losses, ${lost} of which took commits`);
    assert.deepEqual(failures, []);
  },
);

/** The ledger as it was synced last. Did that take anything? */
function putBack(shadow: string, folder: string): boolean {
  rmSync(join(folder, 'ledger.sqlite-shm'), { force: true });
  let isOther = false;
  for (const file of LEDGER_FILES) {
    const [kept, place] = [join(shadow, file), join(folder, file)];
    if (existsSync(kept) && existsSync(place)) isOther ||= !readFileSync(kept).equals(readFileSync(place));
    rmSync(place, { force: true });
    if (existsSync(kept)) copyFileSync(kept, place);
  }
  return isOther;
}
