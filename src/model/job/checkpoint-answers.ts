/** What a job answers of its checkpoints and its state, as far as its Workflow knows them: the record has all. */
import * as z from 'zod';
import { NOTED_FIELDS } from '../checkpoint/note.ts';
import { JsonObjectSchema } from '../json.ts';

/** Of the answer to one Query, well below what a payload may have. */
export const MAX_ANSWER_BYTES = 1_500_000;

const { source, step, writes, tasks, next, more } = NOTED_FIELDS;

const noted = {
  /** Its number in the record. Absent: the record is not known to have it yet. */
  seq: z.int().min(1).optional(),
  /** The number of the checkpoint that it went on from; null: it is the first. Absent: not known. */
  parent: z.int().min(1).nullable().optional(),
  /** What ran before it, with why it failed. */
  tasks,
  /** What comes next. */
  next,
  /** How many more there are of either. */
  more,
  /** Absent: there is no checkpoint yet, or this Run has not noted one. */
  metadata: z.strictObject({ source, step, writes }).optional(),
};

/** The form of one checkpoint as a job tells it. */
export const ToldCheckpointSchema = z.strictObject(noted);
/** A checkpoint, as the job's Workflow knows it. */
export type ToldCheckpoint = z.infer<typeof ToldCheckpointSchema>;

/** The form of a state as a job tells it. */
export const ToldStateSchema = z.strictObject({
  /** Workflow id and first execution run id. */
  jobId: z.string(),
  /** As the job was started with it. */
  workspace: z.string(),
  /** Channel → value. */
  values: JsonObjectSchema,
  ...noted,
  /** Of the present: what was written to since the checkpoint that is told. Absent: nothing. */
  writtenSince: z.array(z.string()).optional(),
});
/** The state of a job, now or at a checkpoint, as its Workflow knows it. */
export type ToldState = z.infer<typeof ToldStateSchema>;

/** What the `state` Query takes. */
export const StateAskedSchema = z.strictObject({ at: z.int().min(1).optional() }).optional();

export const StateAnswerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** It is known. */
    kind: z.literal('state'),
    /** The job then. */
    state: ToldStateSchema,
  }),
  /** The Workflow does not know that checkpoint, but those, newest first. */
  z.strictObject({
    /** There is none. */
    kind: z.literal('unknown'),
    /** Where its record tells more. */
    workspace: z.string(),
    /** Newest first. */
    known: z.array(z.int()),
  }),
  z.strictObject({
    /** No answer holds it. */
    kind: z.literal('too-large'),
    /** Where its record tells it. */
    workspace: z.string(),
    /** Of its values. */
    sizeBytes: z.int(),
  }),
]);
/** What the `state` Query answers. */
export type StateAnswer = z.infer<typeof StateAnswerSchema>;

export const CheckpointsAnswerSchema = z.strictObject({
  /** Workflow id and first execution run id. */
  jobId: z.string(),
  /** As the job was started with it. */
  workspace: z.string(),
  /** The latest that the Workflow knows, newest first. */
  checkpoints: z.array(ToldCheckpointSchema),
});
/** The latest checkpoints of a job, newest first, as far as its Workflow knows them: at most 100. */
export type ToldCheckpoints = z.infer<typeof CheckpointsAnswerSchema>;
