/** A Workflow of one's own that passes on whatever options it is given, as a program without types may. */
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { OpenJobOptions, StepOptions } from '../../src/workflows/guarded-job.ts';
import { openJob } from '../../src/workflows/open-job.ts';
import { makeContinueAsNewFunc } from '@temporalio/workflow';

export async function anyOptions(job: object, step: object = {}): Promise<void> {
  await openJob({ args: [job, step], ...job } as unknown as OpenJobOptions, async (opened) => {
    await opened.step(fileWriteStep, { path: 'a.txt', content: 'a' }, step as StepOptions);
  });
}

/** A Run of `agentJob` that continues another, with whatever it is given. */
export async function continuesAsAgentJob(...given: readonly unknown[]): Promise<void> {
  await makeContinueAsNewFunc({ workflowType: 'agentJob' })(...(given as never[]));
}
