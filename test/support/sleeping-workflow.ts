/** A user's own Workflows that wait. Each execution of a step's command, or of an Activity, adds a line to `marks`. */
import { proxyActivities } from '@temporalio/workflow';
import { commandStep } from '../../src/model/step/built-in/command.ts';
import type { Job } from '../../src/workflows/guarded-job.ts';
import { openJob } from '../../src/workflows/open-job.ts';
import type * as activities from './marking-activities.ts';

export interface SleepingInput {
  readonly workspace: string;
  readonly sleepMs: number;
  readonly marks: string;
}

const { markAndWait } = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute' });

export async function sleepingWorkflow(input: SleepingInput): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    await mark(job, input, 'a');
    await job.sleep(input.sleepMs);
    await mark(job, input, 'b');
    await mark(job, input, 'c');
  });
}

/** Two steps at once, and an Activity of its own beside a sleep. */
export async function besideWorkflow(input: SleepingInput): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    const gate = `until [ -e ${input.marks}-gate ]; do sleep 0.1; done`;
    await Promise.all([mark(job, input, 'a', gate), mark(job, input, 'b')]);
    await Promise.all([job.sleep(input.sleepMs), markAndWait(input.marks)]);
    await mark(job, input, 'c');
  });
}

async function mark(job: Job, { marks }: SleepingInput, id: string, more = 'true'): Promise<void> {
  const run = `echo ${id} >> ${marks}; mkdir -p ${id}; echo ${id} > ${id}/out; ${more}`;
  await job.step(commandStep, { run, shell: true, paths: [`${id}/`] }, { id });
}
