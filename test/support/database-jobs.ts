/** Jobs on a database that a test prepares and changes past them: the same test on SQLite and on PostgreSQL. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import * as z from 'zod';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobOptions } from '../../src/testing.ts';
import { testPostgres, type TestPostgres } from './postgres.ts';
import { sqliteRows, sqliteScript } from './sqlite.ts';

export type TestDialect = 'SQLite' | 'PostgreSQL';
type Code = (ctx: StepContext) => unknown;

/** The one contract of all steps; `as` says which code runs. */
export const step = defineStep({ name: 'step', input: z.strictObject({ as: z.string() }), output: z.any() });

export class DatabaseJobs {
  readonly dialect: TestDialect;
  readonly url: string;
  readonly workspace = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-database-')));
  readonly #codes = new Map<string, Code>();
  readonly #jobs: TestJob[] = [];

  constructor(dialect: TestDialect, url: string) {
    this.dialect = dialect;
    this.url = url;
  }

  /** Another worker, where `more.resume` is given. */
  open(more: Partial<TestJobOptions> = {}): TestJob {
    const code = implementStep(step, async (ctx, { as }) => (await this.#codes.get(as)!(ctx)) ?? null);
    const job = openTestJob({
      workspace: this.workspace,
      databases: { main: '${{ env.MAIN_URL }}' },
      env: { MAIN_URL: this.url },
      steps: [code as never],
      ...more,
    });
    this.#jobs.push(job);
    return job;
  }

  /** Runs code as a step of that id. */
  async run(job: TestJob, stepId: string, code: Code, more: Parameters<TestJob['step']>[2] = {}): Promise<unknown> {
    this.#codes.set(stepId, code);
    return await job.step(step, { as: stepId }, { stepId, ...more });
  }

  put(path: string, text: string): void {
    writeFileSync(join(this.workspace, path), text);
  }

  /** Statements of somebody else. */
  async direct(...statements: readonly string[]): Promise<void> {
    if (this.dialect === 'SQLite') sqliteScript(join(this.workspace, 'main.db'), `${statements.join(';\n')};`);
    else for (const statement of statements) await this.#query(statement);
  }

  async rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    if (this.dialect === 'SQLite') return sqliteRows(join(this.workspace, 'main.db'), sql);
    return await this.#query(sql);
  }

  /** A trigger on a table. `sqlite`: statements of its body; `postgres`: those of a function that returns a row. */
  async trigger(
    when: string,
    table: string,
    body: { readonly sqlite: string; readonly postgres: string },
  ): Promise<void> {
    const name = `${table}_${when.toLowerCase().replace(' ', '_')}`;
    if (this.dialect === 'SQLite')
      await this.direct(`CREATE TRIGGER ${name} ${when} ON ${table} FOR EACH ROW BEGIN ${body.sqlite} END`);
    else
      await this.direct(
        `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body.postgres} END $$`,
        `CREATE TRIGGER ${name} ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION ${name}()`,
      );
  }

  async end(): Promise<void> {
    setFaultHook(undefined);
    for (const job of this.#jobs) await job.close();
    rmSync(this.workspace, { recursive: true, force: true });
  }

  async #query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }
}

type Body = (jobs: DatabaseJobs) => Promise<void>;

/** Declares a test for each of these dialects. */
export function databaseTests(postgres: TestPostgres): (name: string, body: Body, only?: TestDialect) => void {
  return (name, body, only) => {
    for (const dialect of ['SQLite', 'PostgreSQL'] as const)
      if (only === undefined || only === dialect)
        void test(`${dialect}: ${name}`, async () => {
          const jobs = new DatabaseJobs(dialect, dialect === 'SQLite' ? 'sqlite:main.db' : await postgres.database());
          try {
            await body(jobs);
          } finally {
            await jobs.end();
          }
        });
  };
}

export { testPostgres };
