/** A Workflow of one's own that passes on whatever options it is given, as a program without types may. */
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { OpenJobOptions, StepOptions } from '../../src/workflows/guarded-job.ts';
import { defineStep } from '../../src/model/step/step.ts';
import { openJob } from '../../src/workflows/open-job.ts';
import { makeContinueAsNewFunc } from '@temporalio/workflow';
import * as z from 'zod';

export async function anyOptions(job: object, step: object = {}): Promise<void> {
  await openJob({ args: [job, step], ...job } as unknown as OpenJobOptions, async (opened) => {
    await opened.step(fileWriteStep, { path: 'a.txt', content: 'a' }, step as StepOptions);
  });
}

/** A Run of `agentJob` that continues another, with whatever it is given. */
export async function continuesAsAgentJob(...given: readonly unknown[]): Promise<void> {
  await makeContinueAsNewFunc({ workflowType: 'agentJob' })(...(given as never[]));
}

export const failsOnce = defineStep({
  name: 'fails-once',
  input: z.strictObject({}),
  output: z.strictObject({ tries: z.int() }),
});

/** A step that fails for good when it runs for the first time. Returns how often it has run. */
export async function resumes(workspace: string): Promise<number> {
  return await openJob({ args: [workspace], workspace }, async (job) => {
    const retry = { maxAttempts: 1, initialIntervalMs: 1, backoffCoefficient: 1, maxIntervalMs: 1 };
    const { tries } = await job.step(failsOnce, {}, { retry, resume: { atMost: 1, afterMs: 20 } });
    return tries;
  });
}
