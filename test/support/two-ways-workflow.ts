/** A user's own Workflow that is told by a Signal which way to go, so that after a reset it can go the other one. */
import { condition, defineSignal, setHandler } from '@temporalio/workflow';
import { fileCopyStep, fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { openJob } from '../../src/workflows/open-job.ts';

export const goSignal = defineSignal<['write' | 'past']>('go');

export async function twoWays(input: { readonly workspace: string }): Promise<string> {
  let way: string | undefined;
  setHandler(goSignal, (chosen) => void (way = chosen));
  return await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    await job.step(fileWriteStep, { path: 'target.txt', content: 'before\n' }, { id: 'first' });
    await condition(() => way !== undefined);
    if (way === 'write') await job.step(fileWriteStep, { path: 'target.txt', content: 'after\n' }, { id: 'write' });
    await job.step(fileCopyStep, { from: 'target.txt', to: 'copy.txt' }, { id: 'copy' });
    return String(way);
  });
}
