/**
 * A worker process that carries out the decision to make a damaged record anew, and may kill itself, or make one of its
 * calls to the disk fail at one place after the other. Its answer is what came of it.
 */
import { cpSync, existsSync, rmSync } from 'node:fs';
import { isFailure } from '../../src/model/failure.ts';
import type { RepairResult } from '../../src/model/job/repair.ts';
import type { Question } from '../../src/model/question/question.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { openTestJob, type TestJob, type TestJobMemory } from '../../src/testing.ts';
import { killingHook, type Killing } from './killing.ts';

export interface RebuildPlace {
  readonly workspace: string;
  readonly store: string;
  readonly memory: TestJobMemory;
}

export interface RebuildOrder extends RebuildPlace, Killing {
  readonly question: Question;
  /** Which call fails, with what, from which on and every how many-th; each in a copy of the workspace. */
  readonly fail?: { readonly call: string; readonly errno: number; readonly from: number; readonly stride: number };
}

export interface FailingRebuilds {
  readonly failed: number;
  readonly wrong: readonly string[];
}

const MAX_ATTEMPTS = 4;

export function openRebuiltJob({ workspace, store, memory }: RebuildPlace): TestJob {
  return openTestJob({ workspace, resume: memory, checkpoint: { store }, workerId: 'another' });
}

export async function decideRebuild(job: TestJob, question: Question): Promise<RepairResult> {
  return await job.decide(question, { answer: 'rebuild', by: 'ann', reason: 'a test' });
}

async function carryOut(order: RebuildOrder): Promise<RepairResult> {
  await using job = openRebuiltJob(order);
  return await decideRebuild(job, order.question);
}

/** Undefined: no call failed any more. */
async function failingAt(order: RebuildOrder, place: number): Promise<string | undefined> {
  const { call, errno } = order.fail!;
  const told = `${order.workspace}-told`;
  const saved = `${order.workspace}-saved`;
  rmSync(order.workspace, { recursive: true });
  rmSync(told, { force: true });
  cpSync(saved, order.workspace, { recursive: true });
  process.env['HOLDFAST_IO_ROOT'] = order.workspace;
  process.env['HOLDFAST_IO_FAIL'] = `${call} ${place} ${errno} ${told}`;
  const met: string[] = [];
  let result: RepairResult | undefined;
  for (let attempt = 1; result === undefined && attempt <= MAX_ATTEMPTS; attempt++)
    try {
      result = await carryOut(order);
    } catch (error) {
      if (!isFailure(error) || !error.retryable) throw error;
      met.push(error.message);
    }
  process.env['HOLDFAST_IO_FAIL'] = '';
  if (!existsSync(told)) return undefined;
  return result?.kind === 'repaired' ? '' : `${call} ${place}: ${JSON.stringify(result)} after ${met.join('; ')}`;
}

async function failing(order: RebuildOrder): Promise<FailingRebuilds> {
  const wrong: string[] = [];
  let failed = 0;
  for (let place = order.fail!.from; ; place += order.fail!.stride) {
    const found = await failingAt(order, place);
    if (found === undefined) return { failed, wrong };
    failed += 1;
    if (found !== '') wrong.push(found);
  }
}

if (import.meta.main) {
  const order = JSON.parse(process.argv[2]!) as RebuildOrder;
  setFaultHook(killingHook(order));
  process.stdout.write(JSON.stringify(order.fail === undefined ? await carryOut(order) : await failing(order)));
}
