/** A Workflow of one's own whose checkpoints are kept in a store: a file, a call, an approved copy. */
import { fileCopyStep, fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { httpStep } from '../../src/model/step/built-in/http.ts';
import { openJob } from '../../src/workflows/open-job.ts';

export * from '../../src/workflows/index.ts';

export interface StoredInput {
  readonly workspace: string;
  /** The store, as a plan names it. */
  readonly store: string;
  readonly url: string;
}

export async function storedJob(input: StoredInput): Promise<unknown> {
  const { workspace, store, url } = input;
  const http = { hosts: [new URL(url).origin] };
  return await openJob({ workspace, args: [input], checkpoint: { store }, http, state: { seen: {} } }, async (job) => {
    await job.step(fileWriteStep, { path: 'in/a.txt', content: 'a\n' }, { id: 'a' });
    job.update({ seen: 'a' });
    await job.checkpoint({ next: ['pay'] });
    await job.step(httpStep, { url, method: 'POST', json: { amount: 7 } }, { id: 'pay' });
    job.update({ seen: 'pay' });
    await job.checkpoint({ next: ['c'] });
    await job.step(fileCopyStep, { from: 'in/a.txt', to: 'c.txt' }, { id: 'c', approval: 'before-apply' });
    return job.state;
  });
}
