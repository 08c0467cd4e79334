/**
 * A job that is started from a store, or that had ended and goes back: what its Workflow is given besides its own
 * arguments, and what the first comparison tells it of the record that it goes on with.
 *
 * Invariant: no URL of a store is in it, which may hold a password. The worker reads the store that the job's own
 * settings name, or the one that is named here as settings may name one.
 */
import * as z from 'zod';
import { PutInSchema } from '../record/put-in.ts';
import { CheckpointSettingsSchema } from '../checkpoint/settings.ts';
import { DigestSchema } from '../digest.ts';
import { RewindSchema } from './rewind.ts';

/** It stands in every bundle that a guarded job can run in. */
export const RESUME_FIELD = 'holdfast:resume';

export const ResumeSchema = z.strictObject({
  /** The Workflow that it was made for: its arguments, copied to another, start no second one of the job. */
  workflowId: z.string().min(1),
  /** The job's, in its record and in all of its tokens. */
  jobId: z.string().min(1),
  /** The checkpoint that was asked for; absent: the newest, or what the workspace's own record has beyond it. */
  at: z.int().min(1).optional(),
  /** The chain's head there: the worker's store must have the same. */
  head: DigestSchema.optional(),
  /** In place of the folder that the job worked in. */
  workspace: z.string().min(1).optional(),
  /** In place of those that the job's code or input names, as a fork has them: name → `${{ env.NAME }}`, or a URL. */
  databases: z.record(z.string(), z.string()).optional(),
  /** In place of the store that the job's code or input names: a folder's path, or `${{ env.NAME }}`. */
  store: CheckpointSettingsSchema.shape.store.optional(),
  /** The job had ended, and goes back with its own record: no store is needed. Not beside `at`. */
  rewind: z.strictObject(RewindSchema.pick({ to: true, undo: true, items: true }).shape).optional(),
  by: z.string().min(1).max(200),
  reason: z.string().min(1).max(2_000),
});
/** What the Workflow of a resumed job is given. */
export type Resume = z.infer<typeof ResumeSchema>;

/** What the first comparisons of a resumed job are asked for besides. */
export const ResumeRequestSchema = ResumeSchema.pick({
  at: true,
  head: true,
  rewind: true,
  by: true,
  reason: true,
}).extend({
  /** The Run that was asked first, where this one goes on for it. */
  begunBy: z.string().optional(),
  /** A person's decision to go on from an older checkpoint than one that can't be read: the chain's head there. */
  older: z.strictObject({ head: DigestSchema, by: z.string(), reason: z.string() }).optional(),
});
export type ResumeRequest = z.infer<typeof ResumeRequestSchema>;

/** The record that a resumed job goes on with. */
export const ResumedSchema = z.strictObject({
  /** Of steps that were run again: the generation that counts. */
  generations: z.record(z.string(), z.int()),
  /** The checkpoints that led to where it is: place, number, how its digest begins. The latest. */
  checkpoints: z.array(z.tuple([z.int(), z.int(), z.string()])),
  /** Steps that are done, for people: id, step, generation, effects. The latest. */
  steps: z.array(z.tuple([z.string(), z.string(), z.int(), z.string()])),
  /** What people have put in by hand and is in force, by step. */
  putIns: z.record(z.string(), PutInSchema).optional(),
});
export type Resumed = z.infer<typeof ResumedSchema>;
