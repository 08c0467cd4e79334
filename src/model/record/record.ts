/**
 * The chain: an append-only list of records, each sealed with the head of the one before.
 *
 * Invariants
 * 1. head(n) = SHA-256(head(n-1) + record n). Holding head(n) is holding all records up to n.
 * 2. The sequence number orders everything; `at` is for people and orders nothing.
 * 3. The manifest is a pure function of the chain: the latest change of a resource counts.
 */
import * as z from 'zod';
import { JsonObjectSchema, JsonSchema } from '../json.ts';
import { StepPutInSchema } from './put-in.ts';
import { DigestSchema } from '../digest.ts';
import { EffectSchema } from './effect.ts';
import { NotUndoneSchema } from './intent.ts';
import { NOTED_FIELDS } from '../checkpoint/note.ts';
import { ResourceStateSchema, RowStateSchema } from './world.ts';
import { AnswerSchema } from '../question/answer.ts';

/**
 * One entry for the manifest. `written`: the job put it there. `read`: a step found it so. `accepted`: a person decided
 * it. `undone`: a decision put it back.
 */
export const ChangeSchema = z.strictObject({
  resource: z.string(),
  role: z.enum(['written', 'read', 'accepted', 'undone', 'watched']),
  state: ResourceStateSchema,
});
export type Change = z.infer<typeof ChangeSchema>;

const common = {
  /** Of the record's form. */
  schemaVersion: z.literal(1),
  /** Workflow id and first execution run id. */
  jobId: z.string(),
  /** Its number in the chain, from 1. */
  seq: z.int().min(1),
  /** When it was made, as ISO 8601; for people. */
  at: z.string(),
  /** The Run that made it. */
  runId: z.string(),
};

/** A job took the workspace. */
export const OpenedRecordSchema = z.strictObject({
  ...common,
  kind: z.literal('opened'),
  workflowId: z.string(),
  settings: DigestSchema,
  changes: z.array(ChangeSchema),
});

/** Effects with the state that the world had before each; `after` of a row is what its transaction read back. */
export const AppliedEffectSchema = z.strictObject({
  effect: EffectSchema,
  after: ResourceStateSchema,
  outcome: z.enum(['applied', 'skipped', 'kept']),
});
export type AppliedEffect = z.infer<typeof AppliedEffectSchema>;

/** What a step failed with before it resumed by itself. */
export const ResumedFailureSchema = z.strictObject({ at: z.string(), type: z.string(), message: z.string() });
export type ResumedFailure = z.infer<typeof ResumedFailureSchema>;

export const StepRecordSchema = z.strictObject({
  ...common,
  kind: z.literal('step'),
  stepId: z.string(),
  step: z.string(),
  version: z.string(),
  generation: z.int().min(0),
  token: DigestSchema,
  args: DigestSchema,
  intent: DigestSchema,
  output: JsonSchema,
  /** Steps whose outputs it used; null: everything recorded before it. */
  uses: z.array(z.string()).nullable(),
  /** Those of its intent, in their order; then what databases changed by themselves. */
  effects: z.array(AppliedEffectSchema),
  /** What databases changed by themselves and the record does not have. */
  unrecorded: z.array(NotUndoneSchema).optional(),
  changes: z.array(ChangeSchema),
  logs: z.array(z.strictObject({ message: z.string(), fields: JsonSchema.optional() })),
  /** How many sub-steps it has: each has a record of its own before this one. Absent: none. */
  subSteps: z.int().min(1).optional(),
  /** What it failed with before it resumed by itself, the oldest first. Absent: it has not. */
  resumed: z.array(ResumedFailureSchema).optional(),
  /** Made anew from what the Workflow's history tells: what the step changed and called is not known. */
  rebuilt: z.literal(true).optional(),
});
export type StepRecord = z.infer<typeof StepRecordSchema>;

export const DecisionRecordSchema = z.strictObject({
  ...common,
  kind: z.literal('decision'),
  question: DigestSchema,
  questionKind: z.string(),
  answers: z.record(z.string(), AnswerSchema),
  by: z.string(),
  reason: z.string(),
  /** The intent that an approval approves. */
  approves: DigestSchema.optional(),
  rejects: z.strictObject({ token: DigestSchema }).optional(),
  /** Steps to run again, with the generation that the ledger issued. */
  reruns: z.array(z.strictObject({ stepId: z.string(), generation: z.int().min(0) })),
  /** Sequence numbers of records that the Workflow had forgotten and now adopts. */
  adopts: z.array(z.int()),
  changes: z.array(ChangeSchema),
  /** What was found and replaced: resource → blob. */
  kept: z.record(z.string(), DigestSchema),
  /** What calls answered, as the person says: resource → answer. */
  results: JsonObjectSchema.optional(),
  /** Calls of steps that run again which are made anew. */
  again: z.array(z.string()).optional(),
  /** An abort that undoes what the job did. */
  compensates: z.literal(true).optional(),
  /** A rewind: the number of the checkpoint that the job goes on from. */
  rewindsTo: z.int().min(1).optional(),
  /** It undoes the rewind of this number: what that took away is put back, and the records after this one say so. */
  undoesRewind: z.int().min(1).optional(),
  /** Rows that it took away, with all their columns: resource → row. */
  keptRows: z.record(z.string(), RowStateSchema).optional(),
  /** The job was started from a store; the number of the checkpoint, or the record's end, that it goes on from. */
  resumesFrom: z.int().min(1).optional(),
  /** An edit: the step that counts as done, and what a person gave in place of its code. */
  edits: StepPutInSchema.optional(),
  /** The record was lost and is made anew: the checkpoint up to which a store had it (0: none), and what it had. */
  rebuilds: z.strictObject({ checkpoint: z.int().min(0), known: z.int().min(0) }).optional(),
  notes: z.array(z.string()),
});
export type DecisionRecord = z.infer<typeof DecisionRecordSchema>;

/** From here on no step runs any more: what the job did is undone. */
export const UndoingRecordSchema = z.strictObject({
  ...common,
  kind: z.literal('undoing'),
  by: z.string(),
  reason: z.string(),
  changes: z.array(ChangeSchema),
});
export type UndoingRecord = z.infer<typeof UndoingRecordSchema>;

/** A step was undone, as far as it can be. */
export const UndoneRecordSchema = z.strictObject({
  ...common,
  kind: z.literal('undone'),
  stepId: z.string(),
  step: z.string(),
  generation: z.int().min(0),
  /** The record that is undone; null: the step was not finished, and calls of it were. */
  undoes: z.int().nullable(),
  /** Of the undoing itself: derived from the step's. */
  token: DigestSchema,
  intent: DigestSchema,
  /** What undid it: what the step's own compensation did first. */
  effects: z.array(AppliedEffectSchema),
  left: z.array(NotUndoneSchema),
  notes: z.array(z.string()),
  changes: z.array(ChangeSchema),
  logs: z.array(z.strictObject({ message: z.string(), fields: JsonSchema.optional() })),
});
export type UndoneRecord = z.infer<typeof UndoneRecordSchema>;

/** A question that needs no answer any more: what it was about has changed or gone. */
export const WithdrawnRecordSchema = z.strictObject({
  ...common,
  kind: z.literal('withdrawn'),
  question: DigestSchema,
  reason: z.string(),
  changes: z.array(ChangeSchema),
});

/** The job ended and gave the workspace back. */
export const ReleasedRecordSchema = z.strictObject({
  ...common,
  kind: z.literal('released'),
  outcome: z.enum(['completed', 'failed', 'aborted', 'cancelled', 'taken-over']),
  notes: z.array(z.string()),
  changes: z.array(ChangeSchema),
});

/** What a Run saw when it first compared a watched thing, or a code or plan version. */
export const WatchedRecordSchema = z.strictObject({
  ...common,
  kind: z.literal('watched'),
  changes: z.array(ChangeSchema),
});

/**
 * A super-step has ended: what ran, what runs next, what joined the state. Its number in the chain is the checkpoint's.
 */
export const CheckpointRecordSchema = z.strictObject({
  ...common,
  /** Tells it from other records. */
  kind: z.literal('checkpoint'),
  /** Of the note, which covers the one before it. */
  digest: DigestSchema,
  /** The number of the checkpoint that it went on from; null: it is the first. */
  parent: z.int().min(1).nullable(),
  ...NOTED_FIELDS,
  /** None: a checkpoint changes nothing of the world. */
  changes: z.array(ChangeSchema).max(0),
});
/** The record of a checkpoint. */
export type CheckpointRecord = z.infer<typeof CheckpointRecordSchema>;

/** A checkpoint of another job. */
export const ForkOriginSchema = z.strictObject({
  /** Of the other job. */
  workflowId: z.string().min(1),
  /** Of the other job: its own, in its record. */
  jobId: z.string().min(1),
  /** The number of the checkpoint. */
  seq: z.int().min(1),
  /** The chain's head there. */
  head: DigestSchema,
});
/** Where a fork comes from. */
export type ForkOrigin = z.infer<typeof ForkOriginSchema>;

/** The job is a fork: what is before this record is another job's, and was done by it. */
export const ForkedRecordSchema = z.strictObject({
  ...common,
  /** Tells it from other records. */
  kind: z.literal('forked'),
  workflowId: z.string(),
  from: ForkOriginSchema,
  by: z.string(),
  reason: z.string(),
  /** What is another's here: which databases these are. */
  changes: z.array(ChangeSchema),
});
/** The first record of a fork's own. */
export type ForkedRecord = z.infer<typeof ForkedRecordSchema>;

export const ChainRecordSchema = z.discriminatedUnion('kind', [
  OpenedRecordSchema,
  StepRecordSchema,
  DecisionRecordSchema,
  UndoingRecordSchema,
  UndoneRecordSchema,
  WithdrawnRecordSchema,
  ReleasedRecordSchema,
  WatchedRecordSchema,
  CheckpointRecordSchema,
  ForkedRecordSchema,
]);
export type ChainRecord = z.infer<typeof ChainRecordSchema>;
