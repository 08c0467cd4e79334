/** The same job twice: of bare Activities, and of guarded steps. */
import { continueAsNew, proxyActivities, workflowInfo } from '@temporalio/workflow';
import { openJob } from '../src/workflows/open-job.ts';
import { noteStep, streamStep, waitToBeKilledStep, type JobInput } from './contracts.ts';
import type { BareActivities } from './bare-activity.ts';

/** Never in the shorter jobs: the bare one doesn't, and what is compared is steps. */
const NO_CONTINUE_AS_NEW = 50_000;

export async function bareJob(input: JobInput): Promise<void> {
  const { workspace, steps, places, from = 0, isOnPostgres = false } = input;
  const { bareNote } = proxyActivities<BareActivities>({ startToCloseTimeout: '1 minute' });
  for (let index = from; index < steps; index++) {
    if (places !== undefined && workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof bareJob>({ ...input, from: index });
    await bareNote({ workspace, isOnPostgres, ...placed(index, places) });
  }
}

function placed(index: number, places: number | undefined): { readonly index: number; readonly place?: number } {
  return places === undefined ? { index } : { index, place: index % places };
}

export async function guardedJob(input: JobInput): Promise<void> {
  await openJob(
    {
      workspace: input.workspace,
      args: [input],
      databases: { main: input.isOnPostgres === true ? '${{ env.BENCH_POSTGRES_URL }}' : 'sqlite:main.db' },
      ...(input.places === undefined && { continueAsNewAfterEvents: NO_CONTINUE_AS_NEW }),
    },
    async (job) => {
      for (let index = 0; index < input.steps; index++) await job.step(noteStep, placed(index, input.places));
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
