/** The same job twice: of bare Activities, and of guarded steps. */
import { proxyActivities } from '@temporalio/workflow';
import { openJob } from '../src/workflows/open-job.ts';
import { noteStep, streamStep, waitToBeKilledStep, type JobInput } from './contracts.ts';
import type { BareActivities } from './bare-activity.ts';

/** Never in these jobs: the bare one doesn't, and what is compared is steps. */
const NO_CONTINUE_AS_NEW = 50_000;

export async function bareJob({ workspace, steps }: JobInput): Promise<void> {
  const { bareNote } = proxyActivities<BareActivities>({ startToCloseTimeout: '1 minute' });
  for (let index = 0; index < steps; index++) await bareNote({ workspace, index });
}

export async function guardedJob(input: JobInput): Promise<void> {
  await openJob(
    {
      workspace: input.workspace,
      args: [input],
      databases: { main: 'sqlite:main.db' },
      continueAsNewAfterEvents: NO_CONTINUE_AS_NEW,
    },
    async (job) => {
      for (let index = 0; index < input.steps; index++) await job.step(noteStep, { index });
    },
  );
}

export async function streamJob(input: {
  readonly workspace: string;
  readonly sizesBytes: readonly number[];
}): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    for (const sizeBytes of input.sizesBytes) await job.step(streamStep, { sizeBytes });
  });
}

export async function killedJob(input: { readonly workspace: string; readonly journal: string }): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    await job.step(waitToBeKilledStep, { journal: input.journal });
  });
}
