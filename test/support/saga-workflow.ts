/** The saga as a Workflow of one's own: step after step, then it waits. */
import { openJob } from '../../src/workflows/open-job.ts';
import { both, commanding, paying, posting, removing, replacing, rows, statement, writing } from './saga-contracts.ts';

export async function stepwise(input: {
  readonly workspace: string;
  readonly url: string;
  readonly continueAsNewAfterEvents: number;
}): Promise<void> {
  const { workspace, url, continueAsNewAfterEvents } = input;
  await openJob(
    {
      workspace,
      args: [input],
      databases: { main: 'sqlite:db/main.db' },
      http: { hosts: [url] },
      continueAsNewAfterEvents,
    },
    async (job) => {
      await job.step(writing, { text: 'first' });
      await job.step(replacing, {});
      await job.step(rows, {});
      await job.step(paying, { amount: 7 });
      await job.step(removing, {});
      await job.step(statement, {});
      await job.step(posting, {});
      await job.step(commanding, {});
      await job.step(both, {});
      await job.sleep(600_000);
    },
  );
}
