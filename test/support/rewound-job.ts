/** A job with a checkpoint in its middle: files, rows, statements and a command before it, and after it. */
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { noteOf, type CheckpointNote } from '../../src/model/checkpoint/note.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobMemory } from '../../src/testing.ts';
import { readLedger } from './ledger.ts';
import { direct } from './postgres-subject.ts';
import { snapshotFiles, sqliteTables } from './snapshot.ts';
import { sqliteScript } from './sqlite.ts';

export const SQLITE = 'main.db';

/** Writes over one file, makes another in a new folder, takes one away, and changes rows. */
const edit = defineStep({ name: 'edit', input: z.object({ text: z.string() }), output: z.object({}) });
/** A statement with its undo. */
const add = defineStep({ name: 'add', input: z.object({}), output: z.object({}) });
/** The same to a database beside it: rows that come, change and go, and a statement with its undo. */
const far = defineStep({ name: 'far', input: z.object({ text: z.string() }), output: z.object({}) });
/** A statement without one. */
const log = defineStep({ name: 'log', input: z.object({}), output: z.object({}) });
const call = defineStep({ name: 'call', input: z.object({}), output: z.object({ answer: z.string() }) });
const CALLS: string[] = [];

export const REWOUND_STEPS = [
  implementStep(edit, async (ctx, { text }) => {
    await ctx.files.write('over.txt', `${text} over\n`);
    await ctx.files.write(`${text}/new.txt`, `${text} ${ctx.generation}\n`);
    if (text === 'second') await ctx.files.remove('first/new.txt');
    await ctx.db('main').upsert('note', { id: 1, text });
    await ctx.db('main').upsert('note', { id: text.length, text });
    return {};
  }),
  implementStep(add, async (ctx) => {
    const undo = { text: 'UPDATE account SET n = n - 5', params: [] };
    await ctx.db('main').sql('UPDATE account SET n = n + 5', [], { writes: ['account'], undo });
    return {};
  }),
  implementStep(far, async (ctx, { text }) => {
    await ctx.files.write('far.txt', text);
    await ctx.db('far').upsert('note', { id: 1, text });
    await ctx.db('far').insert('note', { id: 10 + text.length, text });
    if (text === 'second') await ctx.db('far').delete('note', { id: 15 });
    const undo = { text: 'UPDATE account SET n = n - 5', params: [] };
    await ctx.db('far').sql('UPDATE account SET n = n + 5', [], { writes: ['account'], undo });
    return {};
  }),
  implementStep(log, async (ctx) => {
    await ctx.db('main').sql("INSERT INTO said VALUES ('said')", [], { writes: ['said'] });
    return {};
  }),
  implementStep(call, async (ctx) => ({
    answer: await ctx.perform('ring', { request: {}, run: ({ key }) => (CALLS.push(key), 'rung') }),
  })),
];

export interface RewoundPlace {
  readonly workspace: string;
  readonly memory?: TestJobMemory;
  /** Of a Run that a reset made. */
  readonly runId?: string;
  /** Of a PostgreSQL database beside it. */
  readonly far?: string;
}

export function openRewoundJob({ workspace, memory, runId, far: url }: RewoundPlace): TestJob {
  return openTestJob({
    workspace,
    steps: REWOUND_STEPS,
    databases: { main: `sqlite:${SQLITE}`, ...(url === undefined ? {} : { far: '${{ env.FAR }}' }) },
    ...(url === undefined ? {} : { env: { FAR: url } }),
    ...(memory === undefined ? {} : { resume: memory }),
    ...(runId === undefined ? {} : { runId }),
  });
}

/** Calls that were made, by their keys. */
export function calls(): readonly string[] {
  return CALLS;
}

export function makeWorld(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const workspace = realpathSync(folder);
  writeFileSync(join(workspace, 'over.txt'), 'a person wrote this\n');
  sqliteScript(
    join(workspace, SQLITE),
    'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, seen TEXT DEFAULT (hex(randomblob(8))));' +
      'CREATE TABLE account (id INTEGER PRIMARY KEY, n INTEGER);' +
      'CREATE TABLE said (text TEXT); INSERT INTO account VALUES (1, 0)',
  );
  return workspace;
}

const NOTES: readonly CheckpointNote[] = notes();

function notes(): readonly CheckpointNote[] {
  const input = noteOf({ parent: null, source: 'input', step: -1, tasks: [], next: ['first'], begins: {}, writes: [] });
  const next = ['second', 'add', 'make', 'call'];
  const tasks = [{ id: 'first', generation: 0, outcome: 'done' as const }];
  return [input, noteOf({ parent: input.digest, source: 'loop', step: 0, tasks, next, writes: [] })];
}

/** Up to the checkpoint in the middle. */
export async function firstHalf(job: TestJob): Promise<void> {
  await job.step(edit, { text: 'first' }, { stepId: 'first', checkpoints: [NOTES[0]!] });
}

/** @param more steps besides: `log`, `call` */
export async function secondHalf(job: TestJob, ...more: readonly ('log' | 'call')[]): Promise<void> {
  await job.step(edit, { text: 'second' }, { stepId: 'second', checkpoints: [NOTES[1]!] });
  await job.step(add, {}, { stepId: 'add' });
  const run = 'echo made > made.txt; echo more >> over.txt; rm second/new.txt';
  await job.run({ stepId: 'make', step: 'command', input: { run, shell: true }, uses: null } as never);
  if (more.includes('log')) await job.step(log, {}, { stepId: 'log' });
  if (more.includes('call')) await job.step(call, {}, { stepId: 'call' });
}

/** What the tables of the database beside it are made by. */
export const FAR_TABLES = [
  'CREATE TABLE note (id int PRIMARY KEY, text text, seen text DEFAULT md5(random()::text))',
  'CREATE TABLE account (id int PRIMARY KEY, n int); INSERT INTO account VALUES (1, 0)',
];

/** The whole way, with a database beside it. @returns what was there at the checkpoint, and at the end */
export async function farJob(
  job: TestJob,
  url: string,
): Promise<{ readonly middle: unknown; readonly whole: unknown }> {
  await job.step(edit, { text: 'first' }, { stepId: 'first', checkpoints: [NOTES[0]!] });
  await job.step(far, { text: 'first' }, { stepId: 'far-first' });
  const middle = await farWorldOf(job.workspace, url);
  await farAgain(job);
  return { middle, whole: await farWorldOf(job.workspace, url) };
}

/** What lies after the checkpoint. */
export async function farAgain(job: TestJob): Promise<void> {
  await job.step(far, { text: 'second' }, { stepId: 'second', checkpoints: [NOTES[1]!] });
  await job.step(far, { text: 'third one' }, { stepId: 'third' });
}

export async function farWorldOf(workspace: string, url: string): Promise<unknown> {
  const [notes, accounts] = await direct(url, 'SELECT * FROM note ORDER BY id', 'SELECT * FROM account ORDER BY id');
  return { near: worldOf(workspace), notes: notes!.rows as unknown, accounts: accounts!.rows as unknown };
}

/** The numbers of the checkpoints. */
export function checkpointsOf({ workspace, jobId }: Pick<TestJob, 'workspace' | 'jobId'>): readonly number[] {
  return readLedger(workspace, (ledger) => ledger.checkpoints(jobId, Number.MAX_SAFE_INTEGER).map(({ seq }) => seq));
}

export function worldOf(workspace: string): unknown {
  const files = Object.entries(snapshotFiles(workspace, [SQLITE])).map(([path, seen]) => [
    path,
    // What is put back is written anew.
    seen.split(' ').slice(0, 2).join(' '),
  ]);
  return { files: Object.fromEntries(files) as unknown, tables: sqliteTables(join(workspace, SQLITE)) };
}
