/** The five steps, guarded. */
import { openJob } from '../../../src/workflows/open-job.ts';
import { actStep } from './five-contracts.ts';

const STEPS = 5;

export async function fiveSteps(job: string): Promise<void> {
  await openJob({ workspace: job, args: [job], databases: { main: '${{ env.OFFICE }}' } }, async (guarded) => {
    for (let index = 1; index <= STEPS; index++) await guarded.step(actStep, { job, index }, { id: `act-${index}` });
  });
}
