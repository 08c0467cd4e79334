/** A user's own Workflow that sleeps between two steps. Each execution of a step's command adds a line to `marks`. */
import { commandStep } from '../../src/model/step/built-in/command.ts';
import { openJob } from '../../src/workflows/open-job.ts';

export interface SleepingInput {
  readonly workspace: string;
  readonly sleepMs: number;
  readonly marks: string;
}

export async function sleepingWorkflow(input: SleepingInput): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    const mark = async (id: string): Promise<void> => {
      const run = `echo ${id} >> ${input.marks}; mkdir -p ${id}; echo ${id} > ${id}/out`;
      await job.step(commandStep, { run, shell: true, paths: [`${id}/`] }, { id });
    };
    await mark('a');
    await job.sleep(input.sleepMs);
    await mark('b');
    await mark('c');
  });
}
