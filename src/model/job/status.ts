/**
 * What can be seen of a running job: the answer of its `status` Query, and the Markdown that Temporal's UI shows.
 */
import * as z from 'zod';
import { QuestionSchema } from '../question/question.ts';
import { RewindAnswerSchema } from './rewind.ts';
import { JobVersionSchema } from './version.ts';
import { WorkerWaitSchema } from './worker-wait.ts';

export const StepStateSchema = z.enum([
  'waiting',
  'running',
  'held',
  'approval',
  'in-doubt',
  'stuck',
  'done',
  'skipped',
  'failed',
  'undoing',
  'undone',
  'partly-undone',
  'stopped',
]);
/** What a step of a job is at. */
export type StepState = z.infer<typeof StepStateSchema>;

export const StepStatusSchema = z.strictObject({
  /** Unique in the job. */
  id: z.string(),
  /** The contract's name. */
  step: z.string(),
  /** How many times it was deliberately run again. */
  generation: z.int(),
  /** What it is at. */
  state: StepStateSchema,
  /** For people: `2 files, 1 row`. */
  effects: z.string(),
});
/** One step of a running job. */
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
/** What a job is at. `waiting`: a person is asked. */
export type JobState = z.infer<typeof JobStateSchema>;

/** A decision that could not be used, for everyone to see. */
export const RefusalSchema = z.strictObject({
  /** Who decided. */
  by: z.string(),
  /** Why it could not be used, one sentence each. */
  problems: z.array(z.string()),
  /** The digest that the decision named. Null: it named none. */
  question: z.string().nullable(),
});
/** A decision that could not be used. */
export type Refusal = z.infer<typeof RefusalSchema>;

/** An Activity that has failed and is tried again by itself. */
export const RetryingSchema = z.strictObject({
  /** `runStep`, `verifyWorld`, `repair`, `askStuck`, `release`. */
  activity: z.string(),
  /** Absent: it is of no single step. */
  stepId: z.string().optional(),
  /** The attempt that comes next, or is under way. */
  attempt: z.int(),
  /** Of the last attempt; `type` is one of `FAILURES` where `isExpected`. */
  failure: z.strictObject({ type: z.string(), message: z.string() }),
  /** False: no failure of Holdfast's closed list, so a defect; trying again may not help. */
  isExpected: z.boolean(),
  /** Null: it is under way. */
  nextAttemptAt: z.string().nullable(),
});
/** An Activity that has failed and is tried again by itself. */
export type Retrying = z.infer<typeof RetryingSchema>;

/** What a running Activity says of itself: for a step, the latest `ctx.progress`. */
export const ActivityProgressSchema = z.strictObject({
  /** `runStep`, `verifyWorld`, `repair`, `askStuck`, `release`. */
  activity: z.string(),
  /** Absent: it is of no single step. */
  stepId: z.string().optional(),
  /** As the step gave it; empty: it has said nothing, and runs sub-steps. */
  message: z.string(),
  /** 0 to 1. */
  fraction: z.number().optional(),
  /** How many sub-steps this attempt has, done or answered from their records, and the name of the last. */
  subSteps: z.strictObject({ done: z.int(), latest: z.string() }).optional(),
});
/** What a running Activity says of itself. */
export type ActivityProgress = z.infer<typeof ActivityProgressSchema>;

export const ItemsStatusSchema = z.strictObject({
  /** The step of the plan. */
  stepId: z.string(),
  /**
   * How many are done. Within an activity the Workflow hears of the end of all only, and the client adds what the
   * running Activity says. Absent: it has said nothing yet.
   */
  done: z.int().optional(),
  /** How many there are; of rounds: at most. */
  total: z.int(),
  /** They are the rounds of a step with `until`. Absent: items of a list. */
  rounds: z.literal(true).optional(),
});
/** How far a step with `forEach` or `until` has come. */
export type ItemsStatus = z.infer<typeof ItemsStatusSchema>;

export const ResumedSchema = z.strictObject({
  /** The step that failed. */
  stepId: z.string(),
  /** Which of its resumes follows, or has followed, from 1 on. */
  number: z.int(),
  /** How many there are at most. */
  atMost: z.int(),
  /** What it failed with; `type` is one of `FAILURES`. */
  failure: z.strictObject({ type: z.string(), message: z.string() }),
  /** When it failed. */
  at: z.string(),
  /** When it resumes. Null: it has. */
  resumesAt: z.string().nullable(),
});
/** A failure of a step that resumes by itself. */
export type Resumed = z.infer<typeof ResumedSchema>;

export const SubPlanStatusSchema = z.strictObject({
  /** The step `plan.run`, or its round or item. The client adds those of sub-plans within: `outer › inner`. */
  stepId: z.string(),
  /** The Workflow id of the job that runs the plan: what every command names it by. */
  job: z.string(),
  /** The plan's name. */
  plan: z.string(),
  /** As `JobStatus.workspace`. */
  workspace: z.string(),
  /** Added by the client: what the job is at. Absent: its worker does not say. */
  state: JobStateSchema.optional(),
  /** Added by the client likewise: what it asks now. Absent: nothing. */
  questions: z.array(QuestionSchema).optional(),
});
/** A job of a sub-plan that runs. */
export type SubPlanStatus = z.infer<typeof SubPlanStatusSchema>;

/** At most so many are held by a Workflow, the latest; `holdfast log` has those of every step that is done. */
export const MAX_RESUMED_SHOWN = 20;

/** The answer of the `status` Query. */
export const JobStatusSchema = z.strictObject({
  /** Always 1. */
  schemaVersion: z.literal(1),
  /** Workflow id and first execution run id; reset and continue-as-new keep it. */
  jobId: z.string(),
  /** What every command and call names the job by. */
  workflowId: z.string(),
  /** The plan's name, or the name that was given to `openJob`. */
  name: z.string(),
  /** As the Workflow was given it; a relative path starts at the worker's workspace root. */
  workspace: z.string(),
  /** Of a fork: the job that it was made of, and the number of the checkpoint there. Absent: it is none. */
  fork: z.strictObject({ workflowId: z.string(), seq: z.int() }).optional(),
  /** What the job is at. */
  state: JobStateSchema,
  /** Raised by a Run's first comparison and by repairs. */
  term: z.int(),
  /** The number of the last record that the Workflow knows of. */
  seq: z.int(),
  /** All, or of more than can be shown the latest and those that are not done; `counts` then says how many. */
  steps: z.array(StepStatusSchema),
  /**
   * Of a plan: how many steps it has, items that are steps of their own among them once they are known. Absent: a
   * Workflow of one's own, whose steps nobody knows beforehand.
   */
  planned: z.int().optional(),
  /** Of a plan: the steps with `forEach` or `until` that have begun. Absent: none has. */
  items: z.array(ItemsStatusSchema).optional(),
  /** Jobs of sub-plans that run. Absent: none does. */
  subPlans: z.array(SubPlanStatusSchema).optional(),
  /** Steps that failed and resume by themselves, the latest of this Run. Absent: none has. */
  resumed: z.array(ResumedSchema).optional(),
  /** Of steps. Absent: `steps` has all. */
  counts: z.strictObject({ begun: z.int(), done: z.int() }).optional(),
  /** The open ones. */
  questions: z.array(QuestionSchema),
  /** Decisions that could not be used, the latest. */
  refusals: z.array(RefusalSchema),
  /** Of a job that has ended: what was found and done when it ended, calls in doubt among it. Absent: nothing. */
  ending: z.array(z.string()).optional(),
  /** How often the world was compared in this Run, and why the last time: a reason and its detail, or `not yet`. */
  verifications: z.strictObject({ count: z.int(), last: z.string() }),
  /** Of a job that had ended and was started again to go back: what was done. */
  wentBack: RewindAnswerSchema.optional(),
  /**
   * No worker has taken what the job asked for, or none has a free slot for it. A Workflow notices it after minutes,
   * the client after seconds. Absent: nothing waits so.
   */
  waitsForWorker: WorkerWaitSchema.optional(),
  /** Added by the client from what the server says: a Workflow can't know it. Absent: nothing is. */
  retrying: z.array(RetryingSchema).optional(),
  /** Added by the client likewise. Absent: nothing that runs has said anything. */
  progress: z.array(ActivityProgressSchema).optional(),
  /** Added by the client likewise. Absent: its workers run without Worker Versioning. */
  version: JobVersionSchema.optional(),
});
/** What can be seen of a running job. */
export type JobStatus = z.infer<typeof JobStatusSchema>;

/** At most so many notes about its end are held by a Workflow; `holdfast log` has all. */
export const MAX_ENDING_NOTES = 20;

/** At most so many refusals are held by a Workflow, the latest. */
export const MAX_REFUSALS = 20;
