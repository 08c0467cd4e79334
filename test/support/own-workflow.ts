/** A user's own Workflow: loops, branches, and nothing of Holdfast but contracts and openJob. */
import * as z from 'zod';
import { openJob } from '../../src/workflows/open-job.ts';
import { defineStep } from '../../src/model/step/step.ts';

export const measureStep = defineStep({
  name: 'measure',
  input: z.strictObject({ path: z.string() }),
  output: z.strictObject({ length: z.number(), text: z.string().optional() }),
});
export const summariseStep = defineStep({
  name: 'summarise',
  input: z.strictObject({ lengths: z.array(z.number()) }),
  output: z.strictObject({ total: z.number() }),
});

export interface OwnInput {
  readonly workspace: string;
  readonly paths: readonly string[];
  readonly waitMs: number;
  readonly continueAsNewAfterEvents?: number;
}

export async function ownWorkflow(input: OwnInput): Promise<{ readonly total: number; readonly long: number }> {
  const { workspace, continueAsNewAfterEvents } = input;
  return await openJob(
    {
      workspace,
      args: [input],
      verifyAfterMs: 300,
      ...(continueAsNewAfterEvents === undefined ? {} : { continueAsNewAfterEvents }),
    },
    async (job) => {
      const lengths: number[] = [];
      let long = 0;
      for (const path of input.paths) {
        const { length } = await job.step(measureStep, { path });
        lengths.push(length);
        if (length > 5) long += 1;
      }
      await job.sleep(input.waitMs);
      const { total } = await job.step(summariseStep, { lengths });
      return { total, long };
    },
  );
}
