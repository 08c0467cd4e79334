/** A job with a step whose code the test gives, to run sub-steps in. */
import assert from 'node:assert/strict';
import * as z from 'zod';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { stepRecordsOf } from './ledger.ts';
import { TestedJob } from './tested-job.ts';

export const act = defineStep({ name: 'act', input: z.object({}), output: z.any() });
export const greet = defineStep({
  name: 'greet',
  input: z.strictObject({ name: z.string() }),
  output: z.strictObject({ text: z.string() }),
});

export class SubStepJob extends TestedJob {
  /** What ran, in order. */
  ran: string[] = [];
  code: (ctx: StepContext) => unknown = () => null;

  override async begin(): Promise<void> {
    this.ran = [];
    this.code = () => null;
    this.job = openTestJob({ ...this.options(), databases: { main: 'sqlite:main.db' } });
    await this.job.step(
      dbSqlStep,
      { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)', writes: ['note'] },
      { stepId: 'table' },
    );
  }

  options(): Parameters<typeof openTestJob>[0] {
    const steps = [
      implementStep(act, async (ctx) => {
        this.ran.push('act');
        return (await this.code(ctx)) ?? null;
      }),
      implementStep(greet, async (ctx, { name }) => {
        this.ran.push(`greet ${name}`);
        await ctx.files.write(`greet/${name}.txt`, name);
        return { text: `hello ${name}` };
      }),
    ];
    return { steps: steps as never };
  }

  async act(stepId = 'act'): Promise<unknown> {
    return (await this.job.step(act, {}, { stepId })) as unknown;
  }

  /** A sub-step that writes a file of its name. */
  async write(ctx: StepContext, name: string, content = name): Promise<string> {
    return await ctx.step(name, { content }, async (sub, given) => {
      this.ran.push(name);
      await sub.files.write(`${name}.txt`, given.content);
      return `wrote ${given.content}`;
    });
  }

  recorded(stepId: string): number {
    return stepRecordsOf(this.job.workspace, this.job.jobId, stepId).length;
  }
}

/** Fails unless the work fails with this type; returns the message. */
export async function failure(work: Promise<unknown>, type: string): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(isFailure(error), error instanceof Error ? error.stack : String(error));
  assert.equal(error.type, type, error.message);
  return error.message;
}
