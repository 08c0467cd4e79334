/**
 * Jobs to be undone, in this process: of two steps whose code, and compensation, each test gives. Their calls go to an
 * endpoint that counts.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import * as z from 'zod';
import type { Json } from '../../src/model/canonical-json.ts';
import type { CompensatedRecord } from '../../src/model/step/compensated.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import type { CompensateResult } from '../../src/model/step/step.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobOptions } from '../../src/testing.ts';
import { CountingServer } from './counting-server.ts';
import { send } from './perform-child.ts';
import { sqliteRows, sqliteScript } from './sqlite.ts';

export const act = defineStep({ name: 'act', input: z.object({ n: z.number().optional() }), output: z.any() });
export const other = defineStep({ name: 'other', input: z.object({}), output: z.any() });
export const TABLE = 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL, n INTEGER)';

type Code = (ctx: StepContext, input: { readonly n?: number | undefined }) => unknown;
type Compensation = (ctx: StepContext, record: CompensatedRecord) => Promise<CompensateResult> | CompensateResult;

export class UndoJobs {
  /** Of step `act`. */
  code: Code = () => null;
  /** Of step `other`. */
  otherCode: Code = () => null;
  /** Of step `act`; undefined when a job is opened: the step has no compensation. */
  compensation: Compensation | undefined;
  server!: CountingServer;
  root!: string;

  async begin(): Promise<void> {
    this.code = () => null;
    this.otherCode = () => null;
    this.compensation = undefined;
    this.server = await CountingServer.start();
    this.root = mkdtempSync(join(tmpdir(), 'holdfast-undo-'));
  }

  async end(): Promise<void> {
    setFaultHook(undefined);
    await this.server.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Opens a job in the workspace of that name. The test closes it. */
  open(name: string, more: Partial<TestJobOptions> = {}): TestJob {
    const workspace = join(this.root, name);
    mkdirSync(workspace, { recursive: true });
    const compensate =
      this.compensation === undefined
        ? {}
        : { compensate: (ctx: StepContext, record: CompensatedRecord) => this.compensation!(ctx, record) };
    const steps = [
      implementStep(act, async (ctx, input) => (await this.code(ctx, input)) ?? null, compensate as never),
      implementStep(other, async (ctx, input) => (await this.otherCode(ctx, input as never)) ?? null),
    ];
    return openTestJob({ workspace, steps: steps as never, databases: { main: 'sqlite:main.db' }, ...more });
  }

  /** Makes a call to the endpoint's path of that name. */
  async call(ctx: StepContext, name: string, body: Json = {}): Promise<Json> {
    return await ctx.perform(name, { request: body, run: ({ key }) => send(`${this.server.url}/${name}`, key, body) });
  }

  /** Paths that the endpoint was asked for, in order. */
  paths(): readonly string[] {
    return this.server.requests.map(({ path }) => path);
  }
}

/** Begins anew before each test of the file. */
export function testUndoJobs(): UndoJobs {
  const jobs = new UndoJobs();
  beforeEach(() => jobs.begin());
  afterEach(() => jobs.end());
  return jobs;
}

export function at(job: TestJob, path: string): string {
  return join(job.workspace, path);
}

export function read(job: TestJob, path: string): string {
  return readFileSync(at(job, path), 'utf8');
}

export function rowsOf(job: TestJob, sql: string): readonly unknown[] {
  return sqliteRows(at(job, 'main.db'), sql);
}

/** Changes the database as somebody else. */
export function change(job: TestJob, sql: string): void {
  sqliteScript(at(job, 'main.db'), sql);
}
