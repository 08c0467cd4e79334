/**
 * A worker process under failing-io.so that runs the whole job. `one`: once, from where it was left; it may be killed.
 * `sweep`: again and again, each time in a workspace of its own and with another call failing once.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFailure } from '../../../src/model/failure.ts';
import {
  differenceOf,
  driveDiskJob,
  endOf,
  fresh,
  prepareDisk,
  readKept,
  writeKept,
  type DiskPlaces,
  type Kept,
} from './disk-job.ts';

export interface OneOrder {
  readonly places: DiskPlaces;
  /** A file with what its Workflow knows. */
  readonly kept: string;
  /** For the library: the call, which one, errno. */
  readonly fails: string;
}

export interface SweepOrder {
  readonly call: string;
  readonly errno: number;
  /** As a question would name it. */
  readonly code: string;
  /** What a question may say in place of the code. */
  readonly otherWords: readonly string[];
  /** The first that fails, and how many there are to the next. */
  readonly from: number;
  readonly stride: number;
}

export interface SweepEnd {
  /** How many such calls a run makes that meets no failure. */
  readonly calls: number;
  readonly failed: number;
  /** How many runs asked a person about the failure. */
  readonly asked: number;
  /** What was asked, each once, cut. */
  readonly told: readonly string[];
  /** Of a run that did not end as one that met no failure, or that asked what has nothing to do with it. */
  readonly wrong: readonly string[];
}

const MAX_TOLD_CHARACTERS = 240;

/** What a person does meets no failure. */
function quietly<T>(act: () => T): T {
  const fails = process.env['HOLDFAST_IO_FAIL'];
  process.env['HOLDFAST_IO_FAIL'] = '';
  const again = (): void => void (process.env['HOLDFAST_IO_FAIL'] = fails);
  const result = act();
  if (result instanceof Promise) return result.finally(again) as T;
  again();
  return result;
}

async function driveFailing(places: DiskPlaces, from: Kept, fails: string, keep?: (kept: Kept) => void): Promise<Kept> {
  process.env['HOLDFAST_IO_ROOT'] = places.workspace;
  process.env['HOLDFAST_IO_FAIL'] = fails;
  try {
    return await driveDiskJob(places, from, { quietly, isAnewEach: true, ...(keep !== undefined && { keep }) });
  } finally {
    process.env['HOLDFAST_IO_FAIL'] = '';
  }
}

const root = mkdtempSync(join(tmpdir(), 'holdfast-disk-errors-'));

/** The end of a run, what it asked, and the file of the library. */
async function runWith({ call, errno }: SweepOrder, place: number) {
  const folder = join(root, `${place}`);
  const places = prepareDisk(folder);
  const told = join(folder, 'told');
  try {
    const kept = await driveFailing(places, fresh(), `${call} ${place} ${errno} ${told}`);
    const calls = existsSync(told) ? statSync(told).size : 0;
    return { end: await endOf(places, kept), asked: kept.asked, hasFailed: place > 0 && existsSync(told), calls };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function sweep(order: SweepOrder): Promise<SweepEnd> {
  const wrong: string[] = [];
  const told = new Set<string>();
  let [failed, asked] = [0, 0];
  const wanted = await runWith(order, 0);
  for (let place = order.from; place <= wanted.calls; place += order.stride) {
    const name = `${order.code} in ${order.call} ${place} of ${wanted.calls}`;
    try {
      const run = await runWith(order, place);
      failed += run.hasFailed ? 1 : 0;
      const others = run.asked.filter((text) => !wanted.asked.includes(text));
      asked += others.length > 0 ? 1 : 0;
      for (const text of others) told.add(text.slice(0, MAX_TOLD_CHARACTERS));
      const foreign = others.filter(
        (text) => !text.includes(order.code) && !order.otherWords.some((words) => text.includes(words)),
      );
      if (foreign.length > 0) wrong.push(`${name} asks: ${foreign.join('; ')}`);
      const difference = differenceOf(run.end, wanted.end);
      if (difference !== undefined) wrong.push(`${name}: ${difference}`);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      // It stops, and says why: a database that SQLite calls damaged is nothing that passes.
      if (isFailure(error, 'database-damaged')) asked += 1;
      else wrong.push(`${name}: ${text}`);
    }
  }
  return { calls: wanted.calls, failed, asked, told: [...told], wrong };
}

try {
  const [role, given] = process.argv.slice(2);
  if (role === 'sweep') process.stdout.write(JSON.stringify(await sweep(JSON.parse(given!) as SweepOrder)));
  else {
    const { places, kept, fails } = JSON.parse(given!) as OneOrder;
    await driveFailing(places, readKept(kept), fails, (one) => writeKept(kept, one));
    process.stdout.write('{}');
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
