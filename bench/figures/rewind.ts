/**
 * Going back against going there: a job of 100 steps, each with a 1 KiB file and a row, is taken back to its first
 * checkpoint. No server: there a step costs more, and a rewind is one Activity.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { noteOf } from '../../src/model/checkpoint/note.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { BenchPostgres } from '../bench-postgres.ts';
import type { Figure, FigureContext } from '../figure.ts';
import { makeTemporaryDirectory, removeDirectory } from '../temporary-directory.ts';
import { contentOf, textOf } from '../workspace.ts';

const STEPS = 100;
const WARM_ROUNDS = 2;
/** Behind what the first comparison has recorded. */
const FIRST_CHECKPOINT = 3;

const write = defineStep({ name: 'write', input: z.object({ index: z.int() }), output: z.object({}) });
const implementation = implementStep(write, async (ctx, { index }) => {
  await ctx.files.write(`note-${index}.txt`, contentOf(index));
  await ctx.db('main').insert('note', { id: index, text: textOf(index) });
  return {};
});
const INPUT = noteOf({ parent: null, source: 'input', step: -1, tasks: [], next: ['s0'], begins: {}, writes: [] });

async function doSteps(job: TestJob): Promise<number> {
  const startedMs = performance.now();
  for (let index = 0; index < STEPS; index++)
    await job.step(
      write,
      { index },
      { stepId: `s${index}`, uses: [], ...(index === 0 ? { checkpoints: [INPUT] } : {}) },
    );
  return performance.now() - startedMs;
}

async function goBack(job: TestJob, to: number): Promise<number> {
  const startedMs = performance.now();
  const result = await job.rewind({ to });
  if (result.kind !== 'repaired') throw new Error(`it was not rewound: ${JSON.stringify(result)}`);
  return performance.now() - startedMs;
}

/** There, and back; a job of its own each time. */
async function thereAndBack(
  databaseUrl: string | undefined,
): Promise<{ readonly there: number; readonly back: number }> {
  const root = makeTemporaryDirectory();
  mkdirSync(join(root, 'db'));
  if (databaseUrl === undefined) {
    const database = new DatabaseSync(join(root, 'db/main.db'));
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)');
    database.close();
  }
  const steps = [implementation] as never;
  const job = openTestJob({ workspace: root, steps, databases: { main: databaseUrl ?? 'sqlite:db/main.db' } });
  try {
    const there = await doSteps(job);
    return { there, back: await goBack(job, FIRST_CHECKPOINT) };
  } finally {
    await job.close();
    removeDirectory(root);
  }
}

async function rounds({ isQuick, say }: FigureContext, databaseUrl?: string): Promise<readonly number[]> {
  const values: number[] = [];
  for (let round = 0; round < WARM_ROUNDS + (isQuick ? 4 : 12); round++) {
    const { there, back } = await thereAndBack(databaseUrl);
    if (round < WARM_ROUNDS) continue;
    say(`  round ${round}: there ${there.toFixed(0)} ms, back ${back.toFixed(0)} ms`);
    values.push(back / there);
  }
  return values;
}

export const rewindSteps: Figure = {
  name: 'rewind',
  what: 'going back over 100 steps with a 1 KiB file and one SQLite row each, against doing them',
  bound: 1,
  unit: '×',
  measure: async (context) => await rounds(context),
};

export const rewindPostgres: Figure = {
  name: 'rewind-postgres',
  what: 'the same with a PostgreSQL row',
  bound: 1,
  unit: '×',
  measure: async (context) => {
    const postgres = await BenchPostgres.start();
    try {
      return await rounds(context, postgres.url);
    } finally {
      await postgres.stop();
    }
  },
};
