/**
 * A checkpoint as the Workflow notes it at the end of a super-step: what has just ended, what comes next, and what
 * joined the state. The next request carries it to the record.
 *
 * Invariants
 * 1. Its digest covers the one before it, so that holding one is holding all that led to it, and the same note is the
 *    same checkpoint, however often it is sent.
 * 2. Its size grows with the super-step, never with the state: what a state is, follows from all notes up to it.
 */
import * as z from 'zod';
import { digestOf, DigestSchema, type Digest } from '../digest.ts';
import { JsonSchema } from '../json.ts';
import { StateWriteSchema } from '../state/state-write.ts';

/** Step ids and tasks that one note names; of more the number is told. */
export const MAX_NOTED = 100;

/** A channel of the state, as it is declared. */
export const ChannelSchema = z.strictObject({
  reducer: z.string(),
  by: z.string().optional(),
  initial: JsonSchema.optional(),
});

export const CheckpointTaskSchema = z.strictObject({
  /** The step's id. */
  id: z.string(),
  generation: z.int().min(0),
  outcome: z.enum(['done', 'skipped', 'failed', 'void']),
  /** Why it failed. */
  error: z.strictObject({ type: z.string(), message: z.string() }).optional(),
});
export type CheckpointTask = z.infer<typeof CheckpointTaskSchema>;

const noted = {
  /** How it came about. `input`: the job begins. `loop`: a super-step has ended. `rewind`: likewise, the first one
   * after a rewind. `update`: likewise, with what a person has put in by hand for one of its steps. `fork`: a fork
   * begins. */
  source: z.enum(['input', 'loop', 'rewind', 'update', 'fork']),
  /** The super-step, from 0; -1: the input. */
  step: z.int().min(-1),
  /** What ran in it: at most `MAX_NOTED`. */
  tasks: z.array(CheckpointTaskSchema).max(MAX_NOTED),
  /** What runs next: at most `MAX_NOTED` ids. */
  next: z.array(z.string()).max(MAX_NOTED),
  /** How many more there are of either. */
  more: z.strictObject({ tasks: z.int().min(1).optional(), next: z.int().min(1).optional() }).optional(),
  /** The state's channels, where it begins with their initial values. Absent: it goes on from the note before. */
  begins: z.record(z.string(), ChannelSchema).optional(),
  /** Of the input, where checkpoints are kept in a store: what starts the job anew. */
  job: z.strictObject({ type: z.string(), args: z.array(JsonSchema) }).optional(),
  /** What joined the state, in order. */
  writes: z.array(StateWriteSchema),
};

export const CheckpointNoteSchema = z.strictObject({
  /** Of all that follows. */
  digest: DigestSchema,
  /** The note before it; null: it is the first. */
  parent: DigestSchema.nullable(),
  ...noted,
});
export type CheckpointNote = z.infer<typeof CheckpointNoteSchema>;

/** What the record has of a note, besides its digest. */
export const NOTED_FIELDS = noted;

/** Pure; the same for ever. */
export function noteOf(fields: Omit<CheckpointNote, 'digest'>): CheckpointNote {
  return { ...fields, digest: noteDigest(fields) };
}

/** Does the digest belong to it? */
export function isWhole({ digest, ...fields }: CheckpointNote): boolean {
  return digest === noteDigest(fields);
}

function noteDigest(fields: Omit<CheckpointNote, 'digest'>): Digest {
  return digestOf(fields);
}
