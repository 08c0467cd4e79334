/** A user's own Workflow that sleeps between two steps. */
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { openJob } from '../../src/workflows/open-job.ts';

export interface SleepingInput {
  readonly workspace: string;
  readonly sleepMs: number;
}

export async function sleepingWorkflow(input: SleepingInput): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    await job.step(fileWriteStep, { path: 'a.txt', content: 'a' }, { id: 'a' });
    await job.sleep(input.sleepMs);
    await job.step(fileWriteStep, { path: 'b.txt', content: 'b' }, { id: 'b' });
    await job.step(fileWriteStep, { path: 'c.txt', content: 'c' }, { id: 'c' });
  });
}
