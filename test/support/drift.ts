/**
 * A small job that has done its first steps, to be resumed in a changed world: files written and read, rows, a schema
 * of its own, watches. Made once a file and copied for each case.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { dbSqlStep, dbUpsertStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Watch } from '../../src/model/job/settings.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import type { Question } from '../../src/model/question/question.ts';
import {
  defineStep,
  implementStep,
  openTestJob,
  QuestionAsked,
  type TestJob,
  type TestJobMemory,
  type TestJobOptions,
} from '../../src/testing.ts';

export const SQLITE_FILE = 'main.db';

/** Reads what a person gave and what a step wrote; writes a file and a row. */
export const summarise = defineStep({
  name: 'summarise',
  input: z.object({}),
  output: z.object({ length: z.number() }),
});
/** The next step after the resume: it shows that it ran. */
export const mark = defineStep({ name: 'mark', input: z.object({}), output: z.object({}) });

export interface Fixture {
  readonly workspace: string;
  readonly databaseUrl: string;
  readonly memory: TestJobMemory;
  /** What was known before the last step: a reset goes back to there. */
  readonly earlier: TestJobMemory;
}

/** How often `mark` ran, by workspace. */
export const marks = new Map<string, number>();

export function stepsFor(workspace: string, version = '1'): TestJobOptions['steps'] {
  return [
    implementStep(
      summarise,
      async (ctx) => {
        const input = await ctx.files.readText('input.txt');
        const text = `${input}${await ctx.files.readText('out/a.txt')}`;
        await ctx.files.write('summary.txt', text);
        await ctx.db('main').upsert('note', { id: 3, text: 'summary', size: text.length });
        return { length: text.length };
      },
      { version },
    ),
    implementStep(mark, async (ctx) => {
      marks.set(workspace, (marks.get(workspace) ?? 0) + 1);
      await ctx.files.write('marked.txt', 'the next step ran\n');
      return {};
    }),
  ];
}

export const WATCHES: Watch[] = [
  { kind: 'file', path: 'config.json' },
  { kind: 'schema', database: 'main', table: 'outside' },
  { kind: 'query', name: 'outside', database: 'main', sql: 'SELECT id, name FROM outside ORDER BY id', params: [] },
];

export const PLAN = { name: 'notes', digest: 'a'.repeat(64) };

export interface FixtureOptions {
  readonly databaseUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Called half-way, to take an older copy. */
  readonly half?: (workspace: string) => Promise<void> | void;
}

/** Runs the job's first steps in a new folder and closes it, as when its worker ends. */
export async function makeFixture({
  databaseUrl = `sqlite:${SQLITE_FILE}`,
  env = {},
  folder,
  half,
}: FixtureOptions = {}): Promise<Fixture> {
  const workspace = realpathSync(folder ?? mkdtempSync(join(tmpdir(), 'holdfast-drift-')));
  writeFileSync(join(workspace, 'input.txt'), 'given\n');
  writeFileSync(join(workspace, 'config.json'), '{"a":1}\n');
  mkdirSync(join(workspace, 'notes'));
  writeFileSync(join(workspace, 'notes', 'unrelated.txt'), 'not of this job\n');
  if (databaseUrl === `sqlite:${SQLITE_FILE}`) outsideTable(join(workspace, SQLITE_FILE));
  const job = openTestJob({
    workspace,
    steps: stepsFor(workspace) ?? [],
    databases: { main: databaseUrl },
    env,
    watch: WATCHES,
    plan: PLAN,
  });
  await job.step(
    dbSqlStep,
    { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, size INTEGER)', writes: ['note'] },
    { stepId: 'table', uses: [] },
  );
  await job.step(
    dbSqlStep,
    { database: 'main', sql: 'CREATE INDEX note_text ON note (text)', writes: ['note'] },
    { stepId: 'index', uses: ['table'] },
  );
  await job.step(fileWriteStep, { path: 'out/a.txt', content: 'one\ntwo\nthree\n' }, { stepId: 'a', uses: [] });
  await job.close();
  await half?.(workspace);
  const again = openTestJob({
    workspace,
    steps: stepsFor(workspace) ?? [],
    databases: { main: databaseUrl },
    env,
    watch: WATCHES,
    plan: PLAN,
    resume: job.memory,
  });
  await again.step(
    dbUpsertStep,
    {
      database: 'main',
      table: 'note',
      rows: [
        { id: 1, text: 'first', size: 5 },
        { id: 2, text: 'second', size: 6 },
      ],
    },
    { stepId: 'rows', uses: ['index'] },
  );
  const earlier = { ...again.memory, steps: [...again.memory.steps] };
  await again.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] });
  await again.close();
  return { workspace, databaseUrl, memory: again.memory, earlier };
}

/** A table that another program owns; the job watches it. */
export function outsideTable(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(
    'PRAGMA journal_mode = WAL; CREATE TABLE outside (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO ' +
      "outside VALUES (1, 'one')",
  );
  database.close();
}

/** The same job in a folder of its own: job id and record go along. */
export function copyOf(fixture: Fixture): Fixture {
  const workspace = mkdtempSync(join(tmpdir(), 'holdfast-drift-'));
  cpSync(fixture.workspace, workspace, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  return { ...fixture, workspace: realpathSync(workspace) };
}

export function removeFixture({ workspace }: Fixture): void {
  rmSync(workspace, { recursive: true, force: true });
}

/** What makes a job compare the world again. */
export const TRIGGERS = ['restart', 'reset', 'long wait', 'continue-as-new'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** Opens the job again as it goes on after each of them; a long wait passes by `waitLong`. */
export function resume(fixture: Fixture, trigger: Trigger, options: TestJobOptions = {}): TestJob {
  const { memory, earlier, workspace } = fixture;
  const base: TestJobOptions = {
    workspace,
    steps: stepsFor(workspace) ?? [],
    databases: { main: fixture.databaseUrl },
    watch: WATCHES,
    plan: PLAN,
    ...options,
  };
  switch (trigger) {
    case 'restart':
      return openTestJob({ ...base, resume: memory, workerId: options.workerId ?? 'another worker' });
    case 'reset':
      // To before its last step: the Run has another id, and no step after that is known.
      return openTestJob({ ...base, resume: { ...earlier, term: 0 }, runId: 'the Run after the reset' });
    case 'continue-as-new':
      return openTestJob({
        ...base,
        resume: { ...memory, steps: [], term: 0, base: memory.known },
        runId: 'the next Run',
      });
    case 'long wait':
      return openTestJob({ ...base, resume: memory });
  }
}

/** Sets the ledger's last mark and commit back by an hour. */
export function waitLong(workspace: string): void {
  const ledger = new DatabaseSync(join(workspace, '.holdfast', 'ledger.sqlite'));
  ledger.exec('UPDATE job SET fresh_boot_ms = fresh_boot_ms - 3600000');
  ledger.close();
}

/** Asks for the next step and returns the question that it meets. */
export async function questionOf(job: TestJob, fixture: Fixture): Promise<Question> {
  const ranBefore = marks.get(fixture.workspace) ?? 0;
  const outcome = await job.step(mark, {}, { stepId: 'mark' }).then(
    () => 'the step ran',
    (error: unknown) => error,
  );
  assert.ok(
    outcome instanceof QuestionAsked,
    `expected a question, found ${outcome instanceof Error ? String(outcome.stack) : String(outcome)}`,
  );
  assert.equal(marks.get(fixture.workspace) ?? 0, ranBefore, 'a step ran before the question');
  return outcome.question;
}

export function findingFor(question: Question, resource: string): Finding {
  const finding = question.findings.find((candidate) => candidate.resource === resource);
  const named = question.findings.map((candidate) => `${candidate.resource} ${candidate.kind}`);
  assert.ok(finding, `${resource} is not named; named: ${named.join(', ')}`);
  return finding;
}
