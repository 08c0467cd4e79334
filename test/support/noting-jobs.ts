/** Jobs that note checkpoints: of plans that write one file a step, and of the Workflows in noting-workflow.ts. */
import type { CheckpointRecord } from '../../src/model/record/record.ts';
import { implementStep } from '../../src/model/step/step.ts';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
import { measureStep } from './own-workflow.ts';

/** What `measure` was given, in order. */
export const measured: string[] = [];
export const measure = implementStep(measureStep, async (ctx, { path }) => {
  measured.push(path);
  await ctx.files.write(`${path}.length`, String(path.length));
  return { length: path.length };
});

/** The worker of such jobs. */
export const NOTING = {
  steps: [measure],
  workflows: new URL('./noting-workflow.ts', import.meta.url).pathname,
};

/** A step that writes its own id, to a file and to the state `seen`. */
export function file(id: string, needs: readonly string[] = [], more: object = {}): object {
  return { id, use: 'file.write', with: { path: `${id}.txt`, content: id }, needs, state: { seen: id }, ...more };
}

export function notesPlan(workspace: string, steps: readonly object[], more: object = {}): object {
  const state = { seen: { reducer: 'append' } };
  return { schemaVersion: 1, name: 'notes', workspace, state, steps, ...more };
}

export async function looking<T>(folder: string, look: (inspection: WorkspaceInspection) => T): Promise<T> {
  await using inspection = await WorkspaceInspection.open(folder, {});
  return look(inspection);
}

export async function checkpointsIn(folder: string): Promise<readonly CheckpointRecord[]> {
  return await looking(folder, (inspection) => inspection.checkpoints(inspection.job().jobId));
}
