/**
 * A whole job for tests of disks: files, rows, a value, a call and a command; a comparison, an edit that a person is
 * asked about and that is put back, a step on what is there, and all of it undone. It is driven in stages. After each
 * is kept what its Workflow has heard, so that another process goes on from there.
 *
 * Invariant: what the driver and the person do themselves meets no failure that was made: `quietly`.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import type { Json } from '../../../src/model/canonical-json.ts';
import { HoldfastError, isFailure } from '../../../src/model/failure.ts';
import type { Answer } from '../../../src/model/question/answer.ts';
import type { StepImplementation } from '../../../src/model/step/step.ts';
import {
  defineStep,
  implementStep,
  openTestJob,
  QuestionAsked,
  type TestJob,
  type TestJobMemory,
} from '../../../src/testing.ts';
import { chargeOnce } from '../../support/charge-once.ts';
import { freshMemory } from '../../support/fresh-memory.ts';
import { chainOf } from '../../support/ledger.ts';
import { effectsIn, filesIn } from './kill-run.ts';
import { readRows, type Rows } from './outside-database.ts';

export interface DiskPlaces {
  readonly workspace: string;
  /** What no disk of the job's has: the other side of its calls. */
  readonly outside: string;
}

/** What is known outside of the job's disk: by its Workflow, and of what a person was asked. */
export interface Kept {
  readonly memory: TestJobMemory;
  /** How many stages are over. */
  readonly stages: number;
  readonly outputs: readonly Json[];
  /** What was asked, as `kind: resource kind, …`. */
  readonly asked: readonly string[];
}

export interface DiskDriving {
  /** Called whenever the Workflow, or the person, has learned something. */
  readonly keep?: (kept: Kept) => void;
  /** Runs what is not the job's. Default: as it is. */
  readonly quietly?: <T>(act: () => T) => T;
  readonly workerId?: string;
  /** Stops where a person would be asked. Default: the person answers. */
  readonly isAlone?: boolean;
  /** Each stage opens everything anew, so that nothing of the record is in a cache. Default: one worker does all. */
  readonly isAnewEach?: boolean;
  /** Goes on to the end of this stage. Default: to the end. */
  readonly upTo?: StageName;
}

/** Of a job that is over, what must not depend on what its disk did. */
export interface DiskEnd {
  readonly outputs: readonly Json[];
  readonly files: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, Rows>>;
  /** How often each key took effect on the other side. */
  readonly effects: readonly number[];
  readonly recorded: readonly string[];
  /** By name, how often they are in a folder of the record that should be empty. */
  readonly left: readonly string[];
}

/** Attempts of one stage. */
const MAX_ATTEMPTS = 12;
const EDITED = 'notes/a.txt';
const QUERIES = {
  note: 'SELECT * FROM note ORDER BY id',
  tokens: 'SELECT CAST(count(*) AS INTEGER) AS times FROM holdfast_token',
};
/** More than the ledger keeps by itself: a blob. */
const LARGE = 'a line of a large file\n'.repeat(1_500);

const table = defineStep({ name: 'table', input: z.object({}), output: z.any() });
const gather = defineStep({ name: 'gather', input: z.object({}), output: z.any() });
const build = defineStep({ name: 'build', input: z.object({}), output: z.any() });
const report = defineStep({ name: 'report', input: z.object({}), output: z.any() });

function stepsOf({ outside }: DiskPlaces): readonly StepImplementation[] {
  const implementations = [
    implementStep(table, async (ctx) => {
      const columns = 'id INTEGER PRIMARY KEY, text TEXT NOT NULL';
      await ctx
        .db('main')
        .sql(`CREATE TABLE note (${columns})`, [], { writes: ['note'], undo: { text: 'DROP TABLE note' } });
    }),
    implementStep(gather, async (ctx) => {
      const given = await ctx.files.read('given.txt');
      await ctx.files.write(EDITED, `a note on ${textOf(given)}`);
      await ctx.files.write('large.txt', LARGE);
      await ctx.files.write('given.txt', 'replaced\n');
      await ctx.files.remove('old.txt');
      const paid = await ctx.perform('charge', {
        request: { amount: 7 },
        inDoubt: 'repeat',
        run: ({ key }) => chargeOnce(outside, key),
      });
      const value = await ctx.once('value', () => `${String(paid)} once`);
      for (const id of [1, 2]) await ctx.db('main').insert('note', { id, text: `${value} ${id}` });
      return value;
    }),
    implementStep(build, async (ctx) => {
      const script = 'mkdir built && cat given.txt large.txt > built/all.txt && rm large.txt && echo built';
      return (await ctx.command(script, { shell: true })).stdout;
    }),
    implementStep(report, async (ctx) => {
      await ctx.step('appendix', {}, async (sub) => {
        await sub.files.write('appendix.txt', 'an appendix\n');
        await sub.db('main').insert('note', { id: 3, text: 'appendix' });
      });
      const note = await ctx.files.read(EDITED);
      await ctx.db('main').update('note', { id: 2 }, { text: 'reported' });
      await ctx.files.write('report.txt', `report: ${textOf(note)}`);
      return 'reported';
    }),
  ];
  return implementations as unknown as readonly StepImplementation[];
}

export type StageName =
  | 'table'
  | 'gather'
  | 'build'
  | 'compare'
  | 'edit'
  | 'asked'
  | 'report'
  | 'look'
  | 'undo'
  | 'release';

interface Stage {
  readonly name: StageName;
  readonly act: (job: TestJob, driving: Driving) => Promise<Json>;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

interface Driving {
  readonly places: DiskPlaces;
  readonly quietly: <T>(act: () => T) => T;
}

const step = (contract: typeof table): Stage => ({
  name: contract.name as StageName,
  act: async (job) => ((await job.step(contract, {}, { stepId: contract.name })) ?? null) as Json,
});

async function compare(job: TestJob): Promise<Json> {
  const compared = await job.verify();
  if (compared.kind === 'question') throw new QuestionAsked(compared.question);
  return null;
}

export const STAGES: readonly Stage[] = [
  step(table),
  step(gather),
  step(build),
  { name: 'compare', act: compare },
  {
    name: 'edit',
    act: async (_, { places, quietly }) => {
      quietly(() => writeAsPerson(join(places.workspace, EDITED), 'by hand\n'));
      return await Promise.resolve(null);
    },
  },
  { name: 'asked', act: compare },
  step(report),
  {
    name: 'look',
    act: async (_, { places, quietly }) => await quietly(async () => (await lookAtWorld(places)) as unknown as Json),
  },
  { name: 'undo', act: async (job) => (await job.undo({ release: false })).leftTotal },
  {
    name: 'release',
    act: async (job) => {
      await job.release('aborted');
      return null;
    },
  },
];

/** Folders and the files that were there before the job. */
export function prepareDisk(folder: string): DiskPlaces {
  const places = { workspace: join(folder, 'workspace'), outside: join(folder, 'outside') };
  for (const one of Object.values(places)) mkdirSync(one, { recursive: true });
  for (const name of ['given.txt', 'old.txt']) writeAsPerson(join(places.workspace, name), `${name} as it was\n`);
  return places;
}

export function fresh(): Kept {
  return { memory: freshMemory('disks'), stages: 0, outputs: [], asked: [] };
}

export function openDiskJob(places: DiskPlaces, { memory }: Kept, workerId = 'a worker'): TestJob {
  return openTestJob({
    workspace: places.workspace,
    resume: memory,
    steps: stepsOf(places),
    databases: { main: 'sqlite:db/main.db' },
    workerId,
  });
}

/** From where it is to its end. @throws what no further attempt can mend */
export async function driveDiskJob(places: DiskPlaces, from: Kept, driving: DiskDriving = {}): Promise<Kept> {
  const { keep = () => undefined, quietly = (act) => act(), workerId, isAlone = false, isAnewEach = false } = driving;
  const { upTo = 'release' } = driving;
  let kept = from;
  const learn = (more: Partial<Kept>): void => {
    kept = { ...kept, ...more, memory: job.memory };
    keep(kept);
  };
  const open = (): TestJob => {
    const opened = openDiskJob(places, kept, workerId);
    hearComparisons(opened, () => learn({}));
    return opened;
  };
  let job = open();
  try {
    const last = STAGES.findIndex(({ name }) => name === upTo);
    for (const { name, act } of STAGES.slice(from.stages, last + 1)) {
      if (isAnewEach && kept !== from) {
        await job.close();
        job = open();
      }
      for (let attempt = 1; ; attempt++) {
        try {
          const output = await act(job, { places, quietly });
          learn({ stages: kept.stages + 1, outputs: [...kept.outputs, output] });
          break;
        } catch (error) {
          if (attempt >= MAX_ATTEMPTS) throw new Error(`${name} did not end: ${String(error)}`, { cause: error });
          if (error instanceof QuestionAsked && isAlone) throw error;
          if (error instanceof QuestionAsked) learn({ asked: [...kept.asked, await answered(job, error)] });
          else if (!(error instanceof HoldfastError && error.retryable)) throw error;
        }
      }
    }
    return kept;
  } finally {
    await job.close();
  }
}

/** A step's own comparisons are answered to the Workflow, too. */
function hearComparisons(job: TestJob, hear: () => void): void {
  const verify = job.verify.bind(job);
  job.verify = async (...given) => {
    const result = await verify(...given);
    hear();
    return result;
  };
}

/** What a person would answer who knows that nobody but them has touched anything, and nothing but the note. */
async function answered(job: TestJob, { question }: QuestionAsked): Promise<string> {
  const answer = ANSWERS_BY_PREFERENCE.find((one) => question.findings.every(({ answers }) => answers.includes(one)));
  assert.ok(answer !== undefined, `nothing to answer to ${JSON.stringify(question.findings)}`);
  const text = question.findings.map(({ resource, kind, found }) => `${resource} ${kind} (${found.text})`).join(', ');
  for (let attempt = 1; ; attempt++)
    try {
      const repaired = await job.decide(question, { answer });
      const why = repaired.kind === 'refused' ? `: ${repaired.problems.join(', ')}` : '';
      return `${question.kind}: ${text} → ${repaired.kind === 'repaired' ? answer : repaired.kind}${why}`;
    } catch (error) {
      if (error instanceof QuestionAsked || (isFailure(error) && error.retryable && attempt < MAX_ATTEMPTS)) continue;
      throw error;
    }
}

const ANSWERS_BY_PREFERENCE: readonly Answer[] = ['restore', 'keep', 'recheck'];

/** The job's files, rows and calls; nothing of how it came to them. */
async function lookAtWorld({ workspace, outside }: DiskPlaces) {
  const database = join(workspace, 'db/main.db');
  return {
    files: filesIn(workspace),
    rows: existsSync(database) ? await readRows(`sqlite:${database}`, QUERIES) : {},
    effects: effectsIn(outside),
  };
}

export async function endOf(places: DiskPlaces, { outputs, memory }: Kept): Promise<DiskEnd> {
  const database = join(places.workspace, 'db/main.db');
  const records = chainOf(places.workspace, `${memory.workflowId}@${memory.firstRunId}`);
  return {
    outputs,
    files: filesIn(places.workspace),
    // What the job has made is undone: its table.
    rows: await readRows(`sqlite:${database}`, { tokens: QUERIES.tokens }),
    effects: effectsIn(places.outside),
    recorded: records.flatMap((record) =>
      record.kind === 'step' || record.kind === 'undone' ? [`${record.kind} ${record.stepId}`] : [],
    ),
    left: leftIn(places.workspace),
  };
}

/** In words; undefined: there is no difference. */
export function differenceOf(found: DiskEnd, wanted: DiskEnd): string | undefined {
  const others = (Object.keys(wanted) as (keyof DiskEnd)[]).filter(
    (name) => !isDeepStrictEqual(found[name], wanted[name]),
  );
  if (others.length === 0) return undefined;
  return others
    .map((name) => `${name}: ${JSON.stringify(found[name])}, not ${JSON.stringify(wanted[name])}`)
    .join('; ');
}

/** A draft of `.holdfast/.gitignore` that a kill has left is two bytes, once. */
const DRAFT_OF_IGNORE = /^\.holdfast\/\.\.gitignore\./;

function leftIn(workspace: string): readonly string[] {
  const found = readdirSync(workspace, { recursive: true, encoding: 'utf8' });
  const isLeft = (name: string): boolean => name.endsWith('.tmp') || /^\.holdfast\/(captured|commands)\/./.test(name);
  return found.filter((name) => isLeft(name) && !DRAFT_OF_IGNORE.test(name)).toSorted();
}

/** A person's editor keeps what it has saved. */
function writeAsPerson(path: string, content: string): void {
  const file = openSync(path, 'w');
  writeSync(file, content);
  fsyncSync(file);
  closeSync(file);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

export function readKept(file: string): Kept {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept) : fresh();
}

export function writeKept(file: string, kept: Kept): void {
  writeFileSync(file, JSON.stringify(kept));
}
