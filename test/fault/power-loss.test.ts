/**
 * Power loss: what a job does to its disk is recorded, and from what a file system may have kept of it at a moment the
 * job is carried on in a process of another boot. `support/crash-states.ts` says what may be lost.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answerOf, startChild } from '../support/child-process.ts';
import { prepareDisk } from './support/disk-job.ts';
import { buildFailingIo, withoutCompiler } from './support/failing-io.ts';
import type { PowerLossEnd, PowerLossOrder } from './support/power-loss-child.ts';
import type { Recorded, RecordingOrder } from './support/recording-child.ts';
import { seededRandom, theSeed } from './support/seed.ts';

const RECORDING = new URL('./support/recording-child.ts', import.meta.url).pathname;
const RESUMING = new URL('./support/power-loss-child.ts', import.meta.url).pathname;
const seed = theSeed();
const random = seededRandom(seed);
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-power-loss-')));
let recording: Pick<PowerLossOrder, 'log' | 'base' | 'recorded'>;

before(async () => {
  if (withoutCompiler === false) recording = await record();
});
after(() => rmSync(root, { recursive: true, force: true }));

async function record(): Promise<typeof recording> {
  const folder = join(root, 'disk');
  const log = join(root, 'log');
  const places = prepareDisk(folder);
  writeFileSync(log, '');
  const base = readdirSync(places.workspace).map((name) => {
    const path = join(places.workspace, name);
    const { ino, mode } = lstatSync(path, { bigint: true });
    const content = readFileSync(path).toString('base64');
    return { path: `workspace/${name}`, inode: String(ino), content, mode: Number(mode & 0o7777n) };
  });
  const env = { LD_PRELOAD: buildFailingIo(root, 'recording-io'), HOLDFAST_IO_ROOT: folder, HOLDFAST_IO_LOG: log };
  const order: RecordingOrder = { places, log };
  const recorded = await answerOf<Recorded>(startChild({ script: RECORDING, order, env }));
  assert.ok(recorded !== undefined, 'it was killed');
  assert.deepEqual(recorded.asked.length, 1);
  return { log, base, recorded };
}

async function resumed(chosen: Pick<PowerLossOrder, 'ordering' | 'fates' | 'stride'>): Promise<PowerLossEnd> {
  const boot = join(root, 'boot');
  writeFileSync(boot, `${randomUUID()}\n`);
  const order: PowerLossOrder = { ...recording, ...chosen, from: Math.floor(random() * chosen.stride), seed };
  const env = { LD_PRELOAD: buildFailingIo(root), HOLDFAST_IO_BOOT: boot };
  const end = await answerOf<PowerLossEnd>(startChild({ script: RESUMING, order, env }));
  assert.ok(end !== undefined, 'it was killed');
  return end;
}

/** What is kept of what was not synced, and before every how many-th change of the disk the power is lost. */
const STATES: readonly [string, PowerLossOrder['ordering'], PowerLossOrder['fates'], number, number][] = [
  ['nothing that was not synced is kept', 'ordered', ['none'], 9, 40],
  ['names are kept in the order of their folder, data by blocks', 'ordered', ['some', 'some'], 11, 60],
  ['names and data are kept in any combination', 'any', ['some', 'some'], 11, 60],
  ['all of it is kept, as when the process alone dies', 'any', ['all'], 17, 20],
];

for (const [what, ordering, fates, stride, least] of STATES)
  test(
    `power lost while ${what}: the job ends as one that had it (HOLDFAST_SEED=${seed})`,
    { skip: withoutCompiler },
    async (t) => {
      const end = await resumed({ ordering, fates, stride });
      t.diagnostic(`${end.states} states, at moments between ${end.notes} changes of the disk`);
      assert.deepEqual(end.wrong, []);
      assert.ok(end.states >= least, `${end.states} states`);
    },
  );
