/** A job with one step that pays, by code that each test gives, at an endpoint that counts. */
import assert from 'node:assert/strict';
import * as z from 'zod';
import type { Finding } from '../../src/model/question/finding.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { CountingServer } from './counting-server.ts';
import { stepRecordsOf } from './ledger.ts';
import { questionFrom } from './questions.ts';
import { forEachTest, TestedJob } from './tested-job.ts';

export const CHARGE = 'perform:pay/charge';
const pay = defineStep({ name: 'pay', input: z.object({ amount: z.number().optional() }), output: z.any() });

export class PayingJob extends TestedJob {
  code: (ctx: StepContext, input: { readonly amount?: number | undefined }) => unknown = () => ({});
  /** How often the code was run. */
  runs = 0;
  server!: CountingServer;

  override async begin(): Promise<void> {
    this.runs = 0;
    this.server = await CountingServer.start();
    const steps = [
      implementStep(pay, async (ctx, input) => {
        this.runs += 1;
        return (await this.code(ctx, input)) ?? {};
      }),
    ];
    this.job = openTestJob({ steps: steps as never });
  }

  override async end(): Promise<void> {
    await super.end();
    await this.server.close();
  }

  /** Asks for the step. Default id: `pay`. */
  async pay(
    options: {
      readonly stepId?: string;
      readonly maxAttempts?: number;
      readonly timeoutMs?: number;
      readonly approval?: 'before-apply';
    } = {},
  ): Promise<unknown> {
    return await this.job.step(pay, {}, { stepId: 'pay', ...options });
  }

  /** The question about the one call of the step that is in doubt. */
  async doubtFrom(work: Promise<unknown>, kind: Finding['kind'] = 'outcome-unknown'): Promise<Question> {
    const question = await questionFrom(work);
    assert.equal(question.kind, 'in-doubt', JSON.stringify(question.findings));
    assert.deepEqual(
      question.findings.map((finding) => finding.kind),
      [kind],
    );
    assert.equal(question.findings[0]!.resource, CHARGE);
    return question;
  }

  /** Calls in the step's records. */
  performedIn(stepId = 'pay'): unknown[] {
    return stepRecordsOf(this.job.workspace, this.job.jobId, stepId).flatMap(({ effects }) =>
      effects.flatMap(({ effect, outcome }) =>
        effect.kind === 'perform'
          ? [{ name: effect.name, known: effect.known, generation: effect.generation, outcome }]
          : [],
      ),
    );
  }
}

export function testPayingJob(): PayingJob {
  return forEachTest(new PayingJob());
}
