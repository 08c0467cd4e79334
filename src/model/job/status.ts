/**
 * What can be seen of a running job: the answer of its `status` Query, and the Markdown that Temporal's UI shows.
 */
import * as z from 'zod';
import { QuestionSchema } from '../question/question.ts';
import { JobVersionSchema } from './version.ts';

export const StepStateSchema = z.enum([
  'waiting',
  'running',
  'held',
  'approval',
  'in-doubt',
  'stuck',
  'done',
  'failed',
  'undoing',
  'undone',
  'partly-undone',
  'stopped',
]);
export type StepState = z.infer<typeof StepStateSchema>;

export const StepStatusSchema = z.strictObject({
  id: z.string(),
  step: z.string(),
  generation: z.int(),
  state: StepStateSchema,
  /** For people: `2 files, 1 row`. */
  effects: z.string(),
});
export type StepStatus = z.infer<typeof StepStatusSchema>;

export const JobStateSchema = z.enum([
  'verifying',
  'running',
  'waiting',
  'undoing',
  'ending',
  'completed',
  'failed',
  'aborted',
  'cancelled',
]);
export type JobState = z.infer<typeof JobStateSchema>;

/** A decision that could not be used, for everyone to see. */
export const RefusalSchema = z.strictObject({
  by: z.string(),
  problems: z.array(z.string()),
  question: z.string().nullable(),
});
export type Refusal = z.infer<typeof RefusalSchema>;

/** An Activity that has failed and is tried again by itself. */
export const RetryingSchema = z.strictObject({
  /** `runStep`, `verifyWorld`, `repair`, `askStuck`, `release`. */
  activity: z.string(),
  stepId: z.string().optional(),
  /** The attempt that comes next, or is under way. */
  attempt: z.int(),
  failure: z.strictObject({ type: z.string(), message: z.string() }),
  /** False: no failure of Holdfast's closed list, so a defect; trying again may not help. */
  isExpected: z.boolean(),
  /** Null: it is under way. */
  nextAttemptAt: z.string().nullable(),
});
export type Retrying = z.infer<typeof RetryingSchema>;

/** What a running Activity says of itself: for a step, the latest `ctx.progress`. */
export const ActivityProgressSchema = z.strictObject({
  activity: z.string(),
  stepId: z.string().optional(),
  message: z.string(),
  /** 0 to 1. */
  fraction: z.number().optional(),
});
export type ActivityProgress = z.infer<typeof ActivityProgressSchema>;

export const JobStatusSchema = z.strictObject({
  schemaVersion: z.literal(1),
  jobId: z.string(),
  workflowId: z.string(),
  name: z.string(),
  workspace: z.string(),
  state: JobStateSchema,
  term: z.int(),
  seq: z.int(),
  /** All, or of more than can be shown the latest and those that are not done; `counts` then says how many. */
  steps: z.array(StepStatusSchema),
  /** Of a plan: how many steps it has. Absent: a Workflow of one's own, whose steps nobody knows beforehand. */
  planned: z.int().optional(),
  counts: z.strictObject({ begun: z.int(), done: z.int() }).optional(),
  questions: z.array(QuestionSchema),
  refusals: z.array(RefusalSchema),
  /** Of a job that has ended: what was found and done when it ended, calls in doubt among it. Absent: nothing. */
  ending: z.array(z.string()).optional(),
  /** How often the world was compared in this Run, and why the last time. */
  verifications: z.strictObject({ count: z.int(), last: z.string() }),
  /** Added by the client from what the server says: a Workflow can't know it. Absent: nothing is. */
  retrying: z.array(RetryingSchema).optional(),
  /** Added by the client likewise. Absent: nothing that runs has said anything. */
  progress: z.array(ActivityProgressSchema).optional(),
  /** Added by the client likewise. Absent: its workers run without Worker Versioning. */
  version: JobVersionSchema.optional(),
});
export type JobStatus = z.infer<typeof JobStatusSchema>;

/** At most so many notes about its end are held by a Workflow; `holdfast log` has all. */
export const MAX_ENDING_NOTES = 20;

/** At most so many refusals are held by a Workflow, the latest. */
export const MAX_REFUSALS = 20;
