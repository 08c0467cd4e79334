/** The Activity `release`: its request and its result. */
import * as z from 'zod';
import { CheckpointNoteSchema } from '../checkpoint/note.ts';
import { ChainPlaceSchema } from './chain-place.ts';

export const ReleaseRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  outcome: z.enum(['completed', 'failed', 'aborted', 'cancelled']),
  /** Checkpoints that the record may not have yet, oldest first. */
  checkpoints: z.array(CheckpointNoteSchema).optional(),
});
export type ReleaseRequest = z.infer<typeof ReleaseRequestSchema>;

export const ReleaseResultSchema = z.strictObject({
  /** False: the workspace stays bound; `notes` says why. */
  released: z.boolean(),
  at: ChainPlaceSchema,
  notes: z.array(z.string()),
});
export type ReleaseResult = z.infer<typeof ReleaseResultSchema>;
