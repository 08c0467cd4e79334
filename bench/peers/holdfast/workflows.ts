/** The same job four times: by sub-steps, by guarded steps, by local Activities, by Activities. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import { openJob } from '../../../src/workflows/open-job.ts';
import type { Job } from '../../../src/workflows/guarded-job.ts';
import { manyStep, noteStep, type Activities, type JobInput } from './contracts.ts';

const databases = { main: '${{ env.NOTES }}' };

export async function subSteps(input: JobInput): Promise<void> {
  await guarded(input, async (job) => void (await job.step(manyStep, input)));
}

export async function steps(input: JobInput): Promise<void> {
  await guarded(input, async (job) => {
    for (let index = 0; index < input.steps; index++) await job.step(noteStep, { index, job: input.job });
  });
}

export async function activities({ job, steps: count }: JobInput): Promise<void> {
  const { note } = proxyActivities<Activities>({ startToCloseTimeout: '1 minute' });
  for (let index = 0; index < count; index++) await note(job, index);
}

export async function localActivities({ job, steps: count }: JobInput): Promise<void> {
  const { note } = proxyLocalActivities<Activities>({ startToCloseTimeout: '1 minute' });
  for (let index = 0; index < count; index++) await note(job, index);
}

async function guarded(input: JobInput, body: (job: Job) => Promise<void>): Promise<void> {
  await openJob({ workspace: input.job, args: [input], databases }, body);
}
