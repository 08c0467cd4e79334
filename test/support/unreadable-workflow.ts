/** A Workflow of one's own that waits; and `greet`, a Signal that no job knows. */
import { openJob } from '../../src/workflows/open-job.ts';

export interface OwnJobInput {
  readonly workspace: string;
  readonly sleepMs: number;
}

export async function ownJob(input: OwnJobInput): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input] }, (job) => job.sleep(input.sleepMs));
}
