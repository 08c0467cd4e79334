/** What an abort with `compensate` would undo, read from the record where the workspace is on this host. */
import { WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import type { DecisionPreview } from '../client.ts';
import { HoldfastError } from '../model/failure.ts';
import type { Context } from './command.ts';
import { knownSteps } from './verify.ts';
import { workspaceFor } from './workspace-for.ts';

/** What would be undone by resource, where the workspace is on this host; else by step, as the Workflow knows it. */
export async function withUndoes<T extends DecisionPreview>(context: Context, job: string, preview: T): Promise<T> {
  if (!preview.usable || preview.undoes === undefined) return preview;
  try {
    const config = await context.config();
    const { folder } = await workspaceFor(context, config, job);
    await using inspection = await WorkspaceInspection.open(folder, context.terminal.env);
    return { ...preview, undoes: await inspection.undoPreview(inspection.job(job).jobId, knownSteps(config)) };
  } catch (error) {
    if (error instanceof HoldfastError) return preview;
    throw error;
  }
}
