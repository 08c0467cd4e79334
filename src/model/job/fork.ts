/**
 * A fork: a job of its own that begins with another one's record up to a checkpoint, in a workspace that was made for
 * it. Its Workflow is given this besides the arguments of the other one.
 *
 * Invariants
 * 1. It holds for one Workflow: whoever copies its arguments to start another starts no second fork in its workspace.
 * 2. No location of a database with a password is in it.
 */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';
import { MAX_NOTED, noteOf, type CheckpointNote } from '../checkpoint/note.ts';
import { PutInSchema } from '../record/put-in.ts';
import { EditSchema } from './edit.ts';
import { ChangeSchema, ForkOriginSchema } from '../record/record.ts';

/** It stands in every bundle that a guarded job can run in. */
export const FORK_FIELD = 'holdfast:fork';

export const ForkSchema = z.strictObject({
  /** Of the fork. */
  workflowId: z.string().min(1),
  /** The folder that was made for it. */
  workspace: z.string().min(1),
  /** Databases that have another place than the other job's: name → `${{ env.NAME }}`, or a URL without a password. */
  databases: z.record(z.string(), z.string()),
  /** The checkpoint that it was made of. */
  from: ForkOriginSchema,
  /** Of steps that had run again by then: the generation that counts. */
  generations: z.record(z.string(), z.int().min(0)),
  /** Steps that were done by then; of a list, or of rounds, `each#`. */
  done: z.array(z.string()),
  /** How many results that are: of a list each item's. */
  results: z.int().min(0),
  /** The checkpoint that it goes on from: the digest of its note, its super-step, what comes next. */
  checkpoint: z.strictObject({ parent: DigestSchema, step: z.int().min(-1), next: z.array(z.string()).max(MAX_NOTED) }),
  /** Steps that were done by then, for people: id, step, generation, effects. The latest. */
  steps: z.array(z.tuple([z.string(), z.string(), z.int(), z.string()])),
  /** What people had put in by hand and was in force, by step. Absent: nothing. */
  edits: z.record(z.string(), PutInSchema).optional(),
  /** What a person puts in by hand before anything runs. Absent: nothing. */
  edit: EditSchema.optional(),
  /** The checkpoints that led to it: place, number, how its digest begins. The latest. */
  recorded: z.array(z.tuple([z.int(), z.int(), z.string()])),
});
/** What the Workflow of a fork is given. */
export type Fork = z.infer<typeof ForkSchema>;

/** What the ledger of a fork holds until its job has begun. */
export const PendingForkSchema = z.strictObject({
  schemaVersion: z.literal(1),
  fork: ForkSchema,
  by: z.string().min(1).max(200),
  reason: z.string().max(2_000),
  /** When it was made, as ISO 8601. */
  at: z.string(),
  /** What the record of the fork has otherwise than the other one's. */
  changes: z.array(ChangeSchema),
});
export type PendingFork = z.infer<typeof PendingForkSchema>;

/** Under this id the chain stands until the job has one: its Run is not known before it is started. */
export function pendingJobId(workflowId: string): string {
  return `${workflowId}@fork`;
}

/** The checkpoint that a fork begins with. Pure; the same for ever. */
export function forkNote({ checkpoint: { parent, step, next } }: Pick<Fork, 'checkpoint'>): CheckpointNote {
  return noteOf({ parent, source: 'fork', step, tasks: [], next: [...next], writes: [] });
}
