/**
 * Are rows still found by what they are? A row is found by some of its columns, and a bit that turns in one of them
 * makes it one that never was: a half applied intent that nobody finishes, a call that is made again.
 *
 * So what a row is found by is compared with what says it once more: the body of an intent (which its digest covers),
 * of a question and of a repair; a token, which is made of job, step and generation; a call's key, which is made of
 * token, name and round. What belongs to a job, an intent or a claim belongs to one that is there.
 *
 * Not told: whatever a row has that nothing else says. The name of a value, its draft and the effect of a mark; which
 * arguments, nonce and worker a claim has; how often something was done.
 */
import { performKeyOf, tokenOf, undoneStepOf, undoTokenOf } from '../../model/record/token.ts';
import type { NamedRow } from '../sqlite-store.ts';
import type { CallTable } from './calls.ts';
import type { ClaimTable } from './claims.ts';
import type { LedgerFile } from './file.ts';
import type { IntentTable } from './intents.ts';
import type { JobTable } from './jobs.ts';
import type { PerformRow } from './perform-row.ts';
import { rowPages, type RowScope } from './row-pages.ts';

export interface CheckedRows {
  readonly file: LedgerFile;
  readonly jobs: JobTable;
  readonly claims: ClaimTable;
  readonly calls: CallTable;
  readonly intents: IntentTable;
}

/** Of one table: a damaged one is told, not listed. */
const MAX_TOLD = 5;
/** Beside those whose rows are read one by one. Questions and repairs may be of a job that has not begun. */
const OF_A_JOB = ['record', 'manifest', 'generation', 'undo_ruling', 'checked'];

/** What a row is found by and its body says, too: column → place in the body. */
const BY_BODY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  question: { digest: '$.digest', job_id: '$.jobId', kind: '$.kind', token: '$.token' },
  repair: { question: '$.digest' },
};
const STATES: Readonly<Record<string, readonly string[]>> = {
  question: ['open', 'closed'],
  repair: ['sealed', 'done'],
};
/** Rows that belong to another: table → where that is. */
const PARENTS: Readonly<Record<string, string>> = { effect_mark: 'intent', once: 'claim' };

type Problems = Generator<undefined, readonly string[]>;

/**
 * In words; empty: nothing is wrong. Yields between pages.
 * @throws HoldfastError `ledger-damaged` for a row that can't be read
 */
export function* rowProblems(tables: CheckedRows, scope: RowScope): Problems {
  const known = new Set(tables.jobs.ids());
  const problems: string[] = [];
  for (const check of [claimProblems, callProblems, intentProblems])
    problems.push(...(yield* check(tables, known, scope)).slice(0, MAX_TOLD));
  if (scope === 'all') for (const one of ofOthers(tables.file)) problems.push(one);
  return problems;
}

type Check = (tables: CheckedRows, known: ReadonlySet<string>, scope: RowScope) => Problems;

const claimProblems: Check = function* ({ claims }, known, scope) {
  const problems: string[] = [];
  for (const page of claims.pages(scope)) {
    for (const row of page) {
      if (!known.has(row.jobId)) problems.push(ofNoJob('claim', row.jobId));
      else if (tokenOfRow(row) !== row.token) problems.push(notFound('claim', `of step ${row.stepId}`, 'token'));
    }
    yield;
  }
  return problems;
};

const callProblems: Check = function* ({ calls }, known, scope) {
  const problems: string[] = [];
  for (const page of calls.pages(scope)) {
    for (const row of page) {
      const which = `${row.name} of step ${row.stepId}`;
      if (!known.has(row.jobId)) problems.push(ofNoJob('perform', row.jobId));
      else if (tokenOfRow(row) !== row.token) problems.push(notFound('perform', which, 'token'));
      else if (!isKeyOf(row)) problems.push(notFound('perform', which, 'key'));
    }
    yield;
  }
  return problems;
};

/** Those that are not done are read, and so compared with their digests; of the others only what they are found by. */
const intentProblems: Check = function* ({ file, intents }, known, scope) {
  const problems = intents
    .unsettled(scope)
    .flatMap(({ intent: { jobId } }) => (known.has(jobId) ? [] : [ofNoJob('intent', jobId)]));
  const recorded = `SELECT token FROM intent AS i WHERE state IN ('sealed', 'applying') AND (
       EXISTS (SELECT 1 FROM record WHERE token = i.token AND kind = 'step')
       OR EXISTS (SELECT 1 FROM record WHERE token = i.token AND kind = 'undone'))`;
  for (const { token } of limited(file, recorded))
    problems.push(`the ledger's intent ${short(token)} is not done, and the chain has its record`);
  if (scope === 'open') return problems;
  const columns = `token, job_id AS job, ${told('$.token')} AS toldToken, ${told('$.jobId')} AS toldJob`;
  for (const page of rowPages(file, {
    table: 'intent',
    key: 'rowid',
    columns,
    where: "state IN ('done', 'dropped')",
  })) {
    for (const { token, job, toldToken, toldJob } of page) {
      if (token !== toldToken || job !== toldJob) problems.push(notFound('intent', short(token), 'body'));
      else if (!known.has(String(job))) problems.push(ofNoJob('intent', String(job)));
    }
    yield;
  }
  return problems;
};

/** Of tables whose rows are few or small: one statement each. */
function* ofOthers(file: LedgerFile): Generator<string> {
  for (const table of OF_A_JOB)
    for (const { job } of limited(
      file,
      `SELECT DISTINCT job_id AS job FROM ${table} WHERE job_id NOT IN (SELECT job_id FROM job)`,
    ))
      yield ofNoJob(table, String(job));
  for (const [table, columns] of Object.entries(BY_BODY)) {
    const differs = Object.entries(columns).map(([column, place]) => `${column} IS NOT ${told(place)}`);
    const states = STATES[table]!.map((state) => `'${state}'`).join(', ');
    const where = [...differs, `state NOT IN (${states})`].join(' OR ');
    const [key] = Object.keys(columns);
    for (const row of limited(file, `SELECT ${key} FROM ${table} WHERE ${where}`))
      yield notFound(table, short(row[key!]), 'body or state');
  }
  for (const [table, parent] of Object.entries(PARENTS))
    for (const { token } of limited(
      file,
      `SELECT DISTINCT token FROM ${table} WHERE token NOT IN (SELECT token FROM ${parent})`,
    ))
      yield `the ledger's table ${table} has rows of ${short(token)}, which no ${parent} has`;
}

function limited(file: LedgerFile, text: string): readonly NamedRow[] {
  return file.all(`${text} LIMIT ${MAX_TOLD}`);
}

/** What a body says. A body that is no JSON says nothing. */
function told(place: string): string {
  return `CASE WHEN json_valid(body) THEN body ->> '${place}' END`;
}

function tokenOfRow({ jobId, stepId, generation }: Pick<PerformRow, 'jobId' | 'stepId' | 'generation'>): string {
  const undone = undoneStepOf(stepId);
  return undone === undefined
    ? tokenOf({ jobId, stepId, generation })
    : undoTokenOf(tokenOf({ jobId, stepId: undone, generation }));
}

/** Where a step runs again, a call may keep the key that it had in an earlier generation. */
function isKeyOf(row: PerformRow): boolean {
  const { name, round, key } = row;
  for (let generation = row.generation; generation >= 0; generation--)
    if (performKeyOf({ token: tokenOfRow({ ...row, generation }), name, round }) === key) return true;
  return false;
}

function ofNoJob(table: string, jobId: string): string {
  return `the ledger's table ${table} has a row of job ${jobId}, which the ledger does not know`;
}

function notFound(table: string, which: string, beside: string): string {
  return (
    `the ledger's table ${table} has a row (${which}) that is not found by what it is: what it is found by is not ` +
    `what its ${beside} says`
  );
}

function short(digest: unknown): string {
  return String(digest).slice(0, 12);
}
