/**
 * A process under failing-io.so that cleans up again and again, each time a copy of its own and with another call
 * failing once, until gc has made all of its calls without a failure; after each, once more without a failure.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../../../src/model/failure.ts';
import { collectBelow, type GcReport } from '../../../src/protocol/retention/gc.ts';
import { copyOfWorld, isRecorded, LATER_MS, mustBeClean, mustBeThere, type GcWorld } from '../../support/gc-world.ts';
import type { FailingEnd } from './failing-io-child.ts';

export interface FailingGcOrder {
  readonly done: GcWorld;
  readonly copies: string;
  readonly call: string;
  readonly errno: number;
}

const order = JSON.parse(process.argv[2]!) as FailingGcOrder;
const { done, copies, call, errno } = order;
const nowMs = Date.now() + LATER_MS;

async function gc({ folder, checkpoints }: GcWorld): Promise<GcReport> {
  return await collectBelow(folder, { env: { CHECKPOINTS: checkpoints }, nowMs, dryRun: false, unusedForMs: 0 });
}

/** Whatever is not done is told, with what it is about and what to do. */
function mustTell(report: GcReport, world: GcWorld): void {
  for (const { where, what, next } of report.problems) {
    assert.ok(where.includes(world.folder) || where.startsWith('store '), where);
    assert.ok(what.includes(world.folder), `it names no path: ${what}`);
    assert.ok(next.length > 20, `what next? ${what}`);
  }
  const isTold = report.problems.length > 0 || report.stores.some(({ hindrances }) => hindrances.length > 0);
  if (!isTold) assert.equal(isRecorded(world), false, 'the record stays, and nobody is told');
}

const wrong: string[] = [];
let [failed, told] = [0, 0];
for (let place = 1; ; place++) {
  const world = copyOfWorld(done, join(copies, `${call}-${errno}-${place}`));
  const mark = `${world.folder}-told`;
  process.env['HOLDFAST_IO_ROOT'] = world.folder;
  process.env['HOLDFAST_IO_FAIL'] = `${call} ${place} ${errno} ${mark}`;
  const first = await gc(world).catch((error: unknown) => error);
  process.env['HOLDFAST_IO_FAIL'] = '';
  const hasFailed = existsSync(mark);
  try {
    assert.ok(!(first instanceof Error), `gc itself failed: ${String(first)} ${(first as Error).stack}`);
    await mustBeThere(world);
    mustTell(first as GcReport, world);
    if ((first as GcReport).problems.length > 0) told += 1;
    assert.deepEqual((await gc(world)).problems, [], 'the second gc');
    await mustBeClean(world);
  } catch (error) {
    if (!(error instanceof assert.AssertionError || error instanceof HoldfastError)) throw error;
    wrong.push(`${call} ${place}: ${error.message} (${readdirSync(world.folder).join(' ')})`);
  }
  rmSync(world.folder, { recursive: true, force: true });
  if (!hasFailed) break;
  failed += 1;
}
process.stdout.write(JSON.stringify({ failed, told, wrong } satisfies FailingEnd & { told: number }));
