/**
 * A job that the server has forgotten: its history was deleted, or has outlived its retention. Its record is read as
 * ever, but starting anything of it again takes what started the job, of which a record has digests alone, unless
 * the job keeps its checkpoints in a store.
 */
import { HoldfastError, isFailure } from '../model/failure.ts';
import { shellWord } from '../model/shell-word.ts';
import type { InspectedJob, WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import type { Context } from './command.ts';

export interface Wanted {
  /** As a sentence that begins. */
  readonly what: string;
  /** Is the record enough where it says what started the job? */
  readonly fromRecord: boolean;
}

/** Before anything is made or changed. @throws HoldfastError `not-found`, `server-unreachable` */
export async function mustBeStartable<Options>(
  context: Context<Options>,
  inspection: WorkspaceInspection,
  { jobId, workflowId }: InspectedJob,
  { what, fromRecord }: Wanted,
): Promise<void> {
  const client = await context.client();
  try {
    await client.describe(workflowId);
  } catch (error) {
    if (!isFailure(error, 'not-found') || error.details['workflowId'] !== workflowId) throw error;
    const isStored = inspection.checkpoints(jobId)[0]?.job !== undefined;
    if (isStored && fromRecord) return;
    const folder = shellWord(inspection.root);
    const has = isStored ? 'has it only for a start from the store' : 'has only digests of what its steps were given';
    throw new HoldfastError(
      'not-found',
      `The server at ${client.address} (namespace ${client.namespace}) has no history of job ${workflowId}, whose ` +
        `record is in ${inspection.root}. ${what} with what started the job: its history had that, and the record ` +
        `${has}. Nothing was changed.`,
      {
        workflowId,
        workspace: inspection.root,
        nextStep: isStored
          ? `Start it from its store, then do this again: holdfast resume --from STORE/${workflowId}`
          : 'Connect to the server that has its history. What the record tells needs none: ' +
            `holdfast log ${folder}; so do state, checkpoints, diff, export and verify.`,
      },
      { cause: error },
    );
  }
}
