/** Jobs for those who clean up: a few steps with checkpoints, contents small and large, then the end. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { noteOf, type CheckpointNote } from '../../src/model/checkpoint/note.ts';
import { defined } from '../../src/model/defined.ts';
import { digestOf } from '../../src/model/digest.ts';
import { collectBelow } from '../../src/protocol/retention/gc.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobOptions } from '../../src/testing.ts';

const note = defineStep({
  name: 'note',
  input: z.object({ path: z.string(), text: z.string() }),
  output: z.object({ text: z.string() }),
});
export const NOTE_STEPS = [
  implementStep(note, async (ctx, { path, text }) => {
    await ctx.files.write(path, text);
    return { text: text.slice(0, 20) };
  }),
];

/** More than stands in the ledger. */
export const LARGE = 'a large content\n'.repeat(4_000);

export interface NotingJob extends Pick<TestJobOptions, 'checkpoint' | 'retention' | 'env'> {
  readonly root: string;
  /** Of the workspace, and of the plan's name unless that is given. */
  readonly name: string;
  readonly plan?: string;
  /** How many checkpoints follow the input's. */
  readonly steps?: number;
}

export function openNotingJob({ root, name, plan = name, checkpoint, retention, env }: NotingJob): TestJob {
  const workspace = join(root, name);
  mkdirSync(workspace, { recursive: true });
  return openTestJob({
    workspace,
    steps: NOTE_STEPS,
    plan: { name: plan, digest: digestOf(plan) },
    ...defined({ checkpoint, retention, env }),
  });
}

/** One step after the other, each behind a checkpoint; the first and the last write what is large. */
export async function runNotes(job: TestJob, { name, steps = 4 }: Pick<NotingJob, 'name' | 'steps'>): Promise<void> {
  let last: CheckpointNote | undefined;
  for (let at = 0; at < steps; at++) {
    const checkpoint = noteOf({
      parent: last?.digest ?? null,
      source: last === undefined ? 'input' : 'loop',
      step: at - 1,
      tasks: [],
      next: [`s${at}`],
      ...(last === undefined && { begins: { all: { reducer: 'append' } } }),
      writes: last === undefined ? [] : [{ node: `s${at - 1}`, channel: 'all', reducer: 'append', value: at }],
    });
    last = checkpoint;
    const isLarge = at === 0 || at === steps - 1;
    const text = `${name} ${at} ${isLarge ? LARGE : ''}`;
    await job.step(note, { path: `${at}.txt`, text }, { stepId: `s${at}`, checkpoints: [checkpoint] });
  }
}

/** It has given its workspace back. @returns its id */
export async function endedJob(noting: NotingJob): Promise<string> {
  const job = openNotingJob(noting);
  await runNotes(job, noting);
  await job.release();
  await job.close();
  return job.jobId;
}

/** The bytes of an archive, made below the folder, which is removed again. */
export async function madeArchive(folder: string): Promise<Buffer> {
  mkdirSync(folder, { recursive: true });
  await endedJob({ root: folder, name: 'report', retention: { days: 30, archive: 'archives' } });
  const laterMs = Date.now() + 31 * 24 * 60 * 60 * 1_000;
  const { retired } = await collectBelow(folder, { env: {}, dryRun: false, nowMs: laterMs });
  const bytes = readFileSync(retired[0]!.archive!);
  rmSync(folder, { recursive: true });
  return bytes;
}
