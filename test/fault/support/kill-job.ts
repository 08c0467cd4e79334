/**
 * The job that is killed at every fault point. It does all that a job can do (tables, files, rows, values, an approval
 * rejected and granted, a world that was changed and put back, accepted and run again, conflicts while applying), so
 * that every point of the protocol is reached.
 *
 * Invariant: the world that it leaves does not depend on how often it was killed, except for values of `ctx.once`,
 * which hold the number of the call that made them; `comparable` makes those equal.
 */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { chargeOnce } from '../../support/charge-once.ts';
import type { Decision } from '../../../src/model/question/decision.ts';
import { NotPerformed } from '../../../src/model/step/not-performed.ts';
import type { Question } from '../../../src/model/question/question.ts';
import { defineStep, implementStep, type StepImplementation } from '../../../src/model/step/step.ts';
import type { StepContext } from '../../../src/model/step/step-context.ts';
import type { DrivenJob } from './driven-job.ts';
import { changeRows, installAudit } from './outside-database.ts';

export interface KillJobPlaces {
  readonly workspace: string;
  /** A folder outside the job: counts of `ctx.once` and notes of persons. */
  readonly outside: string;
  /** As an outsider opens it. */
  readonly databaseUrl: string;
}

const Empty = z.object({});
const Text = z.object({ text: z.string() });

export const tables = defineStep({ name: 'tables', input: Empty, output: Empty });
export const gather = defineStep({ name: 'gather', input: Empty, output: Text });
export const change = defineStep({ name: 'change', input: Empty, output: Text });
export const careful = defineStep({ name: 'careful', input: Empty, output: Text });
export const build = defineStep({ name: 'build', input: Empty, output: Text });
export const summary = defineStep({ name: 'summary', input: Empty, output: Text });
export const charge = defineStep({ name: 'charge', input: Empty, output: Text });
export const pair = defineStep({
  name: 'pair',
  input: z.object({ folder: z.string(), row: z.number() }),
  output: Empty,
});

/** `call` counts from outside how often a value was computed. */
export function killJobSteps({ outside }: Pick<KillJobPlaces, 'outside'>): readonly StepImplementation[] {
  const compute = (name: string): string => {
    const path = join(outside, `once-${name}`);
    appendFileSync(path, '.');
    return `once:${readFileSync(path, 'utf8').length}`;
  };
  const placeholders = (ctx: StepContext, text: string): string => {
    let count = 0;
    return ctx.db('main').dialect === 'sqlite' ? text : text.replaceAll('?', () => `$${++count}`);
  };
  const implementations = [
    implementStep(tables, async (ctx) => {
      const db = ctx.db('main');
      await db.sql('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL)', [], {
        writes: ['item'],
      });
      await db.sql('CREATE TABLE tally (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)', [], { writes: ['tally'] });
      return {};
    }),
    implementStep(gather, async (ctx) => {
      const old = await ctx.files.readText('keep/old.txt');
      await ctx.files.exists('keep/link');
      const sample = await ctx.once('sample', () => compute('sample'));
      await ctx.files.write('data/raw/in.txt', `${old.trim()} ${sample}\n`);
      await ctx.files.write('data/raw/big.bin', chunks(200), { mode: 0o600 });
      await ctx.files.write('keep/old.txt', `replaced, ${sample}\n`);
      await ctx.files.remove('keep/gone.txt');
      const db = ctx.db('main');
      await db.insert('item', [
        { id: 1, name: 'one', size: 1 },
        { id: 2, name: 'two', size: 2 },
        { id: 3, name: sample, size: 3 },
      ]);
      await db.sql('INSERT INTO tally VALUES (1, 0)', [], { writes: ['tally'] });
      return { text: sample };
    }),
    implementStep(change, async (ctx) => {
      const rows = await ctx
        .db('main')
        .query<{ name: string }>(placeholders(ctx, 'SELECT name FROM item WHERE id = ?'), [3]);
      const second = await ctx.once('second', () => compute('second'));
      const db = ctx.db('main');
      await db.update('item', { id: 1 }, { size: 11 });
      await db.upsert('item', [
        { id: 2, name: 'two again', size: 22 },
        { id: 4, name: second, size: 4 },
      ]);
      await db.delete('item', { id: 3 });
      await db.sql('UPDATE tally SET n = n + 1 WHERE id = 1', [], { writes: ['tally'] });
      await ctx.files.write('keep/run.sh', `#!/bin/sh\n# ${rows[0]?.name}\n`);
      return { text: second };
    }),
    implementStep(careful, async (ctx) => {
      const why = ctx.rejection?.reason ?? 'not yet';
      await ctx.files.write('approved.txt', `${why}\n`);
      await ctx.db('main').insert('item', { id: 5, name: why, size: 5 });
      return { text: why };
    }),
    implementStep(build, async (ctx) => {
      const { stdout } = await ctx.command(
        'cat keep/nobody.txt; mkdir built && cp keep/run.sh built/run.sh && ln -s run.sh built/link && ' +
          'chmod 700 built && rm keep/built-from.txt',
        { shell: true },
      );
      return { text: stdout };
    }),
    implementStep(summary, async (ctx) => {
      const text = await ctx.files.readText('data/raw/in.txt');
      await ctx.files.write('out/deep/summary.txt', `summary of ${text}`);
      // Too large for the ledger: a blob, and all is prepared before the lock is taken to apply it.
      await ctx.files.write('out/deep/long.txt', 'long '.repeat(5_000));
      await ctx.db('main').insert('item', { id: 6, name: 'summary', size: text.length });
      await ctx.db('main').sql('UPDATE tally SET n = n + 100 WHERE id = 1', [], {
        writes: ['tally'],
        undo: { text: 'UPDATE tally SET n = n - 100 WHERE id = 1' },
      });
      return { text: `generation ${ctx.generation}` };
    }),
    implementStep(charge, async (ctx) => {
      const text = await ctx.perform('charge', {
        request: { to: 'Ada', amount: 7 },
        inDoubt: 'repeat',
        run: ({ key }) => {
          appendFileSync(join(outside, 'calls'), '.');
          if (readFileSync(join(outside, 'calls'), 'utf8').length <= REFUSED_CALLS) throw new NotPerformed('not yet');
          return chargeOnce(outside, key);
        },
      });
      await ctx.files.write('receipt.txt', `${text}\n`);
      return { text };
    }),
    implementStep(pair, async (ctx, { folder, row }) => {
      await ctx.files.write(`${folder}/a.txt`, 'a\n');
      await ctx.files.write(`${folder}/b.txt`, 'b\n');
      await ctx.db('main').insert('item', { id: row, name: folder, size: row });
      return {};
    }),
  ];
  return implementations as unknown as readonly StepImplementation[];
}

/** One more than the two points of a withdrawn call: killed at both, it is still refused once. */
export const REFUSED_CALLS = 3;

async function* chunks(kibibytes: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < kibibytes; index++) yield await Promise.resolve(new Uint8Array(1024).fill(index % 251));
}

/** What was there before the job. */
export function prepareWorld({ workspace }: Pick<KillJobPlaces, 'workspace'>): void {
  mkdirSync(join(workspace, 'keep'), { recursive: true });
  mkdirSync(join(workspace, 'clash'), { recursive: true });
  mkdirSync(join(workspace, 'undone'), { recursive: true });
  writeFileSync(join(workspace, 'keep/old.txt'), 'old\n');
  writeFileSync(join(workspace, 'keep/gone.txt'), 'to be removed\n');
  writeFileSync(join(workspace, 'keep/run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(workspace, 'keep/built-from.txt'), 'a command removes this\n');
  writeFileSync(join(workspace, 'keep/nobody.txt'), 'nobody touches this\n');
  symlinkSync('old.txt', join(workspace, 'keep/link'));
}

/** The Workflow: deterministic except for the answers of its Activities. */
export async function runKillJob(job: DrivenJob, places: KillJobPlaces): Promise<Readonly<Record<string, unknown>>> {
  const { workspace, databaseUrl } = places;
  const outputs: Record<string, unknown> = {};
  await job.step(tables, {});
  await job.outside('audit', () => installAudit(databaseUrl));
  outputs['gather'] = await job.step(gather, {});
  outputs['change'] = await job.step(change, {});
  outputs['careful'] = await job.step(careful, {}, { approval: 'before-apply' });
  outputs['build'] = await job.step(build, {});
  outputs['summary'] = await job.step(summary, {});
  outputs['charge'] = await job.step(charge, {}, { maxAttempts: REFUSED_CALLS + 2 });
  await job.outside('edits', () => editAsPerson({ workspace, databaseUrl }));
  await job.verify('asked', 'after the edits');
  await job.outside('another edit', () =>
    writeFileSync(join(workspace, 'out/deep/summary.txt'), 'a person knows better\n'),
  );
  await job.verify('asked', 'after another edit');
  for (const stepId of job.takeRewound())
    if (stepId === 'summary') outputs['summary again'] = await job.step(summary, {});
  await job.step(pair, { folder: 'clash', row: 7 }, { stepId: 'clash' });
  await job.step(pair, { folder: 'undone', row: 8 }, { stepId: 'undone' });
  await job.release();
  return outputs;
}

/** The job up to where the schedules' tests begin. */
export async function beforeSummary(job: DrivenJob, { databaseUrl }: KillJobPlaces): Promise<void> {
  await job.step(tables, {});
  await job.outside('audit', () => installAudit(databaseUrl));
  await job.step(gather, {});
}

/** What persons answer. */
export function answerKillJob(question: Question): Pick<Decision, 'answer' | 'items'> {
  switch (question.kind) {
    case 'approval':
      return {
        answer: question.findings.some(({ difference }) => difference.includes('because')) ? 'approve' : 'reject',
      };
    case 'conflict':
      return {
        answer: question.findings.some(({ resource }) => resource.startsWith('file:undone/')) ? 'undo' : 'overwrite',
      };
    case 'discrepancy': {
      if (question.findings.some(({ resource }) => resource === 'file:out/deep/summary.txt'))
        return { answer: 'rerun' };
      return { items: Object.fromEntries(question.findings.map(({ resource }) => [resource, answerTo(resource)])) };
    }
    default: {
      const found = question.findings.map((finding) => `${finding.resource} ${finding.kind} ${finding.found.text}`);
      throw new Error(`Nobody knows what to answer to ${question.kind}: ${found.join('; ')}`);
    }
  }
}

/** The triggers that count what is written to a table are part of what a write of it does. */
function answerTo(resource: string): 'accept' | 'restore' {
  if (resource.startsWith('schema:')) return 'accept';
  return resource === 'file:keep/run.sh' || resource.endsWith('{"id":4}') ? 'accept' : 'restore';
}

/** A person changes files, a folder's mode, a link and rows that the job has made. */
export async function editAsPerson({ workspace, databaseUrl }: Omit<KillJobPlaces, 'outside'>): Promise<void> {
  writeFileSync(join(workspace, 'data/raw/in.txt'), 'edited by a person\n');
  writeFileSync(join(workspace, 'keep/run.sh'), '#!/bin/sh\n# a person was here\n');
  chmodSync(join(workspace, 'data/raw'), 0o700);
  rmSync(join(workspace, 'keep/link'));
  symlinkSync('nobody.txt', join(workspace, 'keep/link'));
  await changeRows(databaseUrl, ['UPDATE item SET size = 111 WHERE id = 1', 'DELETE FROM item WHERE id = 4']);
}

/** Somebody writes into a folder at the moment in which a step applies to it: once each. */
export function interfere({ workspace, outside }: KillJobPlaces): void {
  for (const folder of ['clash', 'undone']) {
    const done = join(outside, `interfered-${folder}`);
    // This is the moment: the step's first file is in place and its second is not.
    if (existsSync(done) || !existsSync(join(workspace, folder, 'a.txt'))) continue;
    writeFileSync(done, '');
    writeFileSync(join(workspace, folder, 'b.txt'), "a person's b\n");
  }
}
