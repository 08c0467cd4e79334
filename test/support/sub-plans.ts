/** Jobs whose plans run other plans. */
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import type { ServedJobs } from './served-jobs.ts';

/** A plan that is run by another one: it writes one file. */
export const chapter = {
  schemaVersion: 1,
  name: 'chapter',
  workspace: 'unused',
  input: { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] },
  state: { titles: { reducer: 'append' } },
  steps: [
    {
      id: 'write',
      use: 'file.write',
      with: { path: 'text.md', content: '# ${{ input.title }}' },
      state: { titles: '${{ output.path }}' },
    },
  ],
};

export interface StartedBook {
  readonly handle: WorkflowHandle;
  /** A place in its workspace. */
  at(place: string): string;
}

/** @param book of its plan: its steps, its state. @param args of the job, besides its plan */
export async function startBook(
  { root, startPlan }: ServedJobs,
  workspace: string,
  book: object,
  args: object = {},
): Promise<StartedBook> {
  const plan = { schemaVersion: 1, name: 'book', workspace, ...book };
  const handle = await startPlan(plan, args, { workflowId: workspace });
  return { handle, at: (place) => join(root, workspace, place) };
}
