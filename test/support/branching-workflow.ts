/** Two branches, of which one fails the first time: the Workflow catches that, sleeps, and begins both again. */
import { commandStep } from '../../src/model/step/built-in/command.ts';
import type { Job } from '../../src/workflows/guarded-job.ts';
import { openJob } from '../../src/workflows/open-job.ts';

export interface BranchingInput {
  readonly workspace: string;
  /** A file that gets the name of each branch whose command runs. */
  readonly ran: string;
  /** The second branch fails until it is there. */
  readonly mended: string;
}

const ONCE = { maxAttempts: 1, initialIntervalMs: 100, backoffCoefficient: 1, maxIntervalMs: 100 };

export async function branchesUntilMended(input: BranchingInput): Promise<unknown> {
  const { workspace, ran, mended } = input;
  return await openJob(
    {
      workspace,
      args: [input],
      heartbeatTimeoutMs: 5_000,
      state: { seen: { reducer: 'append', initial: [] as readonly string[] }, total: { reducer: 'sum' } },
    },
    async (job) => {
      const branch = (id: string, run: string) => async (part: Job) => {
        part.update({ seen: id, total: 1 });
        const command = { run: `echo ${id} >> ${ran}; ${run}`, shell: true, paths: [`${id}/`] };
        await part.step(commandStep, command, { id, onFailure: 'fail', retry: ONCE });
      };
      const both = { gather: branch('gather', 'true'), search: branch('search', `[ -e ${mended} ]`) };
      try {
        await job.branches(both);
      } catch {
        await job.sleep(3_000);
        await job.branches(both);
      }
      return job.state;
    },
  );
}
