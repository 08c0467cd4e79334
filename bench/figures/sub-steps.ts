/**
 * Sub-steps against what they cannot do without: one fsynced commit, and the same effects in a plain loop, fsynced
 * alike. No server: a sub-step has no part in it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { openTestJob } from '../../src/testing.ts';
import { writeDurably } from '../bare-activity.ts';
import { BenchPostgres } from '../bench-postgres.ts';
import type { Figure } from '../figure.ts';
import { median } from '../statistics.ts';
import { makeTemporaryDirectory, removeDirectory } from '../temporary-directory.ts';
import { UPSERT_NOTE } from '../workspace.ts';

/** Sub-steps and plain ones take turns in blocks: a machine that slows down meanwhile slows both. */
const BLOCK = 50;
const CONTENT = 'x'.repeat(1024);

const many = defineStep({ name: 'many', input: z.object({}), output: z.any() });

/** Runs code within a step of a job of its own; what it returns is the step's output. */
async function withinStep<T>(
  code: (ctx: StepContext, root: string) => Promise<T>,
  databaseUrl = 'sqlite:db/main.db',
): Promise<T> {
  const root = makeTemporaryDirectory();
  // As the plain loop's: with a rollback journal, SQLite's default, a COMMIT waits for the disk five times, not once.
  mkdirSync(join(root, 'db'));
  openDurable(join(root, 'db/main.db'), 'other (id INTEGER PRIMARY KEY)').close();
  let result: { readonly of: T } | undefined;
  const implementation = implementStep(many, async (ctx) => {
    result = { of: await code(ctx, root) };
    return null;
  });
  const job = openTestJob({
    workspace: root,
    steps: [implementation] as never,
    databases: { main: databaseUrl },
  });
  try {
    await job.step(many, {});
    return result!.of;
  } finally {
    await job.close();
    removeDirectory(root);
  }
}

/** The median of each block, in µs. */
async function blockOf(act: (index: number) => Promise<void> | void, from: number): Promise<number> {
  const took: number[] = [];
  for (let index = from; index < from + BLOCK; index++) {
    const startedMs = performance.now();
    await act(index);
    took.push(1000 * (performance.now() - startedMs));
  }
  return median(took);
}

interface Compared {
  readonly guarded: (index: number) => Promise<void>;
  readonly plain: (index: number) => Promise<void> | void;
  readonly rounds: number;
  readonly say: (line: string) => void;
}

async function ratios({ guarded, plain, rounds, say }: Compared): Promise<readonly number[]> {
  const values: number[] = [];
  for (let round = 0; round < rounds + WARM_ROUNDS; round++) {
    const from = round * BLOCK;
    let theirs = round % 2 === 0 ? await blockOf(plain, from) : 0;
    const ours = await blockOf(guarded, from);
    theirs ||= await blockOf(plain, from);
    if (round < WARM_ROUNDS) continue;
    say(`  round ${round}: sub-step ${ours.toFixed(0)} µs, plain ${theirs.toFixed(0)} µs`);
    values.push(ours / theirs);
  }
  return values;
}
const WARM_ROUNDS = 4;

/** A connection that commits as durably as the ledger does. */
function openDurable(path: string, table: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE ${table}`);
  return database;
}

export const subStep: Figure = {
  name: 'sub-step',
  what: 'sub-step without effects, against one fsynced commit of a row of 256 bytes',
  bound: 1.5,
  unit: '×',
  measure: ({ isQuick, say }) =>
    withinStep(async (ctx, root) => {
      using database = openDurable(join(root, 'plain.db'), 'note (id INTEGER PRIMARY KEY, text TEXT)');
      const insert = database.prepare('INSERT INTO note VALUES (?, ?)');
      const text = 'x'.repeat(256);
      return await ratios({
        guarded: async (index) => void (await ctx.step(`s${index}`, { index }, () => text)),
        plain: (index) => void insert.run(index, text),
        rounds: isQuick ? 6 : 20,
        say,
      });
    }),
};

export const subStepEffects: Figure = {
  name: 'sub-step-effects',
  what: 'sub-step with a 1 KiB file and one SQLite row, against the same in a plain loop, fsynced alike',
  bound: 1.5,
  unit: '×',
  measure: ({ isQuick, say }) =>
    withinStep(async (ctx, root) => {
      mkdirSync(join(root, 'plain'));
      mkdirSync(join(root, 'guarded'));
      using database = openDurable(join(root, 'plain.db'), 'note (id INTEGER PRIMARY KEY, text TEXT)');
      const insert = database.prepare('INSERT INTO note VALUES (?, ?)');
      const columns = 'id INTEGER PRIMARY KEY, text TEXT';
      await ctx.step('table', null, (sub) =>
        sub.db('main').sql(`CREATE TABLE note (${columns})`, [], { writes: ['note'] }),
      );
      return await ratios({
        guarded: async (index) =>
          await ctx.step(`s${index}`, { index }, async (sub) => {
            await sub.files.write(`guarded/${index}.txt`, CONTENT);
            await sub.db('main').insert('note', { id: index, text: 'x' });
          }),
        plain: (index) => {
          writeDurably(join(root, 'plain'), `${index}.txt`, CONTENT);
          insert.run(index, 'x');
        },
        rounds: isQuick ? 6 : 20,
        say,
      });
    }),
};

export const subStepPostgres: Figure = {
  name: 'sub-step-postgres',
  what: 'sub-step with a 1 KiB file and one PostgreSQL row, against the same in a plain loop, as durable',
  bound: 6,
  unit: '×',
  measure: async ({ isQuick, say }) => {
    const postgres = await BenchPostgres.start();
    try {
      return await withinStep(async (ctx, root) => {
        mkdirSync(join(root, 'plain'));
        mkdirSync(join(root, 'guarded'));
        return await ratios({
          guarded: async (index) =>
            await ctx.step(`s${index}`, { index }, async (sub) => {
              await sub.files.write(`guarded/${index}.txt`, CONTENT);
              await sub.db('main').insert('note', { id: index, text: 'x' });
            }),
          plain: async (index) => {
            writeDurably(join(root, 'plain'), `${index}.txt`, CONTENT);
            await postgres.client.query(UPSERT_NOTE, [-1 - index, 'x']);
          },
          rounds: isQuick ? 6 : 20,
          say,
        });
      }, postgres.url);
    } finally {
      await postgres.stop();
    }
  },
};

const MANY = 10_000;

export const subStepsLate: Figure = {
  name: 'sub-steps-late',
  what: '10,000 sub-steps without effects: the last 100 against the first 100 (warm)',
  bound: 1.1,
  unit: '×',
  measure: async ({ isQuick, say }) => {
    const values: number[] = [];
    for (let round = 0; round < (isQuick ? 2 : 5); round++)
      values.push(
        await withinStep(async (ctx) => {
          const took: number[] = [];
          for (let index = 0; index < MANY; index++) {
            const startedMs = performance.now();
            await ctx.step(`s${index}`, { index }, () => 'x');
            took.push(performance.now() - startedMs);
          }
          // The first ones run code that is not compiled yet.
          const first = median(took.slice(1_000, 1_100));
          const last = median(took.slice(-100));
          say(`  round ${round + 1}: ${(1000 * first).toFixed(0)} µs, then ${(1000 * last).toFixed(0)} µs`);
          return last / first;
        }),
      );
    return values;
  },
};
