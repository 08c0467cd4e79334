/** A job in this process on a PostgreSQL database of its own, which others change meanwhile. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as z from 'zod';
import type { VerifyWorldResult } from '../../src/model/job/verify-world.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked } from '../../src/testing.ts';
import type { TestJob, TestJobOptions } from '../../src/testing.ts';
import { direct } from './postgres-subject.ts';

const codeStep = defineStep({ name: 'code', input: z.object({ name: z.string() }), output: z.object({}) });

/** The code of a step. */
type Code = (ctx: StepContext) => Promise<void>;

export class PostgresJob {
  /** Of the owner, who is the server's superuser. */
  readonly url: string;
  readonly #options: TestJobOptions;
  readonly #codes = new Map<string, Code>();
  job: TestJob;

  /** `url`: of the owner. `jobUrl`: the job's, if it is another role. */
  constructor(url: string, options: Pick<TestJobOptions, 'watch'> & { readonly jobUrl?: string } = {}) {
    const { jobUrl = url, ...rest } = options;
    this.url = url;
    const code = implementStep(codeStep, async (ctx, { name }) => {
      await this.#codes.get(name)!(ctx);
      return {};
    });
    const workspace = mkdtempSync(join(tmpdir(), 'holdfast-postgres-job-'));
    this.#options = { ...rest, workspace, steps: [code], databases: { main: jobUrl } };
    this.job = openTestJob(this.#options);
  }

  /** As somebody else, each committed at once. */
  async direct(...statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    const results = await direct(this.url, ...statements);
    return (results.at(-1)?.rows ?? []) as readonly Record<string, unknown>[];
  }

  async step(stepId: string, code: Code): Promise<void> {
    this.#codes.set(stepId, code);
    await this.job.step(codeStep, { name: stepId }, { stepId, uses: [] });
  }

  async asks(asked: Promise<unknown>): Promise<Question> {
    const outcome = await asked.then(
      () => 'it went on',
      (error: unknown) => error,
    );
    assert.ok(outcome instanceof QuestionAsked, String(outcome));
    return outcome.question;
  }

  /** The worker ends and another one takes over. */
  async resume(changed: Partial<TestJobOptions> = {}): Promise<void> {
    await this.job.close();
    const resume = this.job.memory;
    this.job = openTestJob({ ...this.#options, ...changed, resume, workerId: `worker ${Math.random()}` });
  }

  /** `ALTER DATABASE … SET search_path`, and every session ends. */
  async searchPath(path: string): Promise<void> {
    const name = new URL(this.url).pathname.slice(1);
    await this.direct(
      `ALTER DATABASE "${name}" SET search_path = ${path}`,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    // So that the pool has heard of it and gives nobody a connection that is about to end.
    await setTimeout(50);
  }

  async end(): Promise<void> {
    await this.job.close();
    rmSync(this.job.workspace, { recursive: true, force: true });
  }
}

export function findingOf(question: Question, resource: string): Finding {
  const found = question.findings.find((one) => one.resource === resource);
  assert.ok(found, `${resource} is not among ${question.findings.map((one) => one.resource).join(', ')}`);
  return found;
}

/** A comparison that asks, as a step that meets the question does. */
export function throwQuestion(verified: VerifyWorldResult): void {
  if (verified.kind === 'question') throw new QuestionAsked(verified.question);
}
