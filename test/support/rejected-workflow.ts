/** A Workflow that goes on without a step that a person rejects, and may start anew after it. */
import { ApplicationFailure } from '@temporalio/workflow';
import * as z from 'zod';
import { defineStep } from '../../src/model/step/step.ts';
import { openJob } from '../../src/workflows/open-job.ts';

export const proposeStep = defineStep({
  name: 'propose',
  input: z.strictObject({ path: z.string() }),
  output: z.strictObject({}),
});

export interface RejectedInput {
  readonly workspace: string;
  readonly continueAsNewAfterEvents?: number;
}

export async function rejectedWorkflow(input: RejectedInput): Promise<unknown> {
  return await openJob({ ...input, args: [input] }, async (job) => {
    let told: unknown;
    try {
      await job.step(proposeStep, { path: 'risky' }, { approval: 'before-apply', onReject: 'fail' });
    } catch (error) {
      if (!(error instanceof ApplicationFailure) || error.type !== 'rejected') throw error;
      told = error.details;
    }
    for (const path of ['a', 'b', 'c', 'd']) await job.step(proposeStep, { path });
    return told;
  });
}
