/**
 * A worker process under failing-io.so: runs the step with sub-steps again and again, each time in a workspace of its
 * own and with another call failing once, until it has made all of the calls without a failure.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isFailure } from '../../../src/model/failure.ts';
import { importing, openSubSteps, table, type SubStepEnd } from '../../support/sub-step-child.ts';
import { comparable, lookAt, SubStepKills, type SubStepRun } from '../../support/sub-step-kills.ts';

export interface FailingOrder {
  readonly call: string;
  readonly errno: number;
  /** The first that fails, and how many there are to the next. */
  readonly from: number;
  readonly stride: number;
}

export interface FailingEnd {
  readonly failed: number;
  /** Of a run that did not end as one that met no failure. */
  readonly wrong: readonly string[];
}

const MAX_ATTEMPTS = 8;
const kills = new SubStepKills();

/** The run, and whether the call failed. */
async function runWith(order: FailingOrder, place: number): Promise<{ run: SubStepRun; hasFailed: boolean }> {
  const sub = kills.place(`${order.call}-${place}`);
  const told = join(sub.outside, 'told');
  await using job = openSubSteps(sub);
  await job.step(table, {}, { stepId: 'table' });
  process.env['HOLDFAST_IO_ROOT'] = sub.workspace;
  process.env['HOLDFAST_IO_FAIL'] = `${order.call} ${place} ${order.errno} ${told}`;
  let end: SubStepEnd = { failure: 'no end' };
  const met: string[] = [];
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++)
    try {
      end = { output: (await job.step(importing, {}, { stepId: 'importing' })) as never };
      break;
    } catch (error) {
      met.push((error as Error).message);
      if (isFailure(error) && error.retryable) continue;
      end = { failure: met.join('; ') };
      break;
    }
  process.env['HOLDFAST_IO_FAIL'] = '';
  return { run: await lookAt(sub, end), hasFailed: existsSync(told) };
}

const order = JSON.parse(process.argv[2]!) as FailingOrder;
const wrong: string[] = [];
let failed = 0;
try {
  // No run has so many calls.
  const wanted = comparable((await runWith(order, 1_000_000)).run);
  for (let place = order.from; ; place += order.stride) {
    const { run, hasFailed } = await runWith(order, place);
    if (!hasFailed) break;
    failed += 1;
    const found = comparable(run);
    if (!isDeepStrictEqual(found, wanted)) wrong.push(`${order.call} ${place}: ${JSON.stringify(found)}`);
  }
} finally {
  kills[Symbol.dispose]();
}
process.stdout.write(JSON.stringify({ failed, wrong } satisfies FailingEnd));
