/** A job with one step that makes requests, by code that each test gives, and two endpoints that count. */
import assert from 'node:assert/strict';
import * as z from 'zod';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure, type HoldfastError } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import type { HttpOptions } from '../../src/model/step/step-http.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobOptions } from '../../src/testing.ts';
import { CountingServer } from './counting-server.ts';
import { readLedger } from './ledger.ts';
import { questionFrom } from './questions.ts';
import { forEachTest, TestedJob } from './tested-job.ts';

export const SECRET = 'sk-planted-0123456789/+=';
const call = defineStep({ name: 'call', input: z.object({}), output: z.any() });

export class RequestingJob extends TestedJob {
  code: (ctx: StepContext) => unknown = () => ({});
  server!: CountingServer;
  other!: CountingServer;

  override async begin(): Promise<void> {
    [this.server, this.other] = await Promise.all([CountingServer.start(), CountingServer.start()]);
    this.job = this.open();
  }

  override async end(): Promise<void> {
    await super.end();
    await Promise.all([this.server.close(), this.other.close()]);
  }

  /** Another job with the same step. The test closes it. */
  open(options: TestJobOptions = {}): TestJob {
    const steps = [implementStep(call, async (ctx) => (await this.code(ctx)) ?? {})];
    return openTestJob({
      steps: steps as never,
      env: { API_TOKEN: SECRET, BROKEN: 'two\nlines', EMPTY: '' },
      http: { hosts: [this.server.url, this.other.url] },
      ...options,
    });
  }

  /** Asks for the step. */
  async call(stepId = 'call', options: { readonly maxAttempts?: number } = {}): Promise<unknown> {
    return await this.job.step(call, {}, { stepId, ...options });
  }

  /** What the ledger says of the step's first call. */
  stateOf(stepId = 'call'): string | undefined {
    return readLedger(this.job.workspace, (ledger) => ledger.performsInForce(this.job.jobId, stepId)[0]?.state);
  }

  /** The request that most tests make. */
  async post(ctx: StepContext, options: Partial<HttpOptions> = {}): Promise<Json> {
    const url = `${this.server.url}/pay`;
    return (await ctx.http('pay', { url, method: 'POST', json: { amount: 7 }, ...options })).json();
  }
}

export function testRequestingJob(): RequestingJob {
  return forEachTest(new RequestingJob());
}

export async function failureOf(work: Promise<unknown>, type: FailureType): Promise<HoldfastError> {
  const error = await work.then(
    (output) => new Error(`no failure but ${JSON.stringify(output)}`),
    (found: unknown) => found,
  );
  assert.ok(isFailure(error, type), error instanceof Error ? error.stack : String(error));
  return error;
}

/** The step can't go on, for that reason. */
export async function stuckFrom(work: Promise<unknown>, why: RegExp): Promise<void> {
  const question = await questionFrom(work);
  assert.equal(question.kind, 'stuck', JSON.stringify(question.findings));
  assert.match(question.findings[0]!.found.text, why);
}
