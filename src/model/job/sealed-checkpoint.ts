/**
 * A checkpoint as a store keeps it: everything that a job needs to go on elsewhere, without its cluster and its record.
 *
 * Invariants
 * 1. Beside what is new since the checkpoint before, it has what was new in that one once more: a document that can't
 *    be read takes nothing from the others.
 * 2. Every so often one has the whole chain, so that what is read to load one is bounded by twice what it tells.
 * 3. It is made of the record alone: whoever seals the same checkpoint makes the same document.
 */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';
import { JsonObjectSchema } from '../json.ts';
import { CheckpointTaskSchema } from '../checkpoint/note.ts';
import { ChainPlaceSchema } from './chain-place.ts';

const CallSchema = z.strictObject({
  token: DigestSchema,
  name: z.string(),
  jobId: z.string(),
  stepId: z.string(),
  generation: z.int(),
  state: z.string(),
  key: z.string(),
  round: z.int(),
  inDoubt: z.string(),
  request: z.strictObject({ digest: DigestSchema, text: z.string() }),
  answers: z.strictObject({ request: DigestSchema, reads: DigestSchema }).nullable(),
  answer: z.string().nullable(),
  known: z.string().nullable(),
  calledIn: z.int(),
  nonce: z.string(),
  note: z.string().nullable(),
  at: z.string(),
  wanted: z.strictObject({ request: DigestSchema, reads: DigestSchema, text: z.string() }).nullable(),
});

/** A part of the chain, with what its records refer to. */
export const ChainPartSchema = z.strictObject({
  /** The place before its first record. */
  after: ChainPlaceSchema,
  /** The records as they are hashed into the chain. */
  records: z.array(z.string()),
  /** Calls of its steps, with what they answered. */
  calls: z.array(CallSchema),
  /** Small contents that its records name: digest → base64. */
  contents: z.record(z.string(), z.string()),
  /** The other contents that its records name and the job has: blobs of the store. */
  blobs: z.array(DigestSchema),
});
export type ChainPart = z.infer<typeof ChainPartSchema>;

export const SealedCheckpointSchema = z.strictObject({
  jobId: z.string(),
  workflowId: z.string(),
  /** The checkpoint's place in the chain, which is its number. */
  place: ChainPlaceSchema,
  parent: z.int().nullable(),
  at: z.string(),
  metadata: z.strictObject({ source: z.string(), step: z.int() }),
  next: z.array(z.string()),
  tasks: z.array(CheckpointTaskSchema),
  /** The state's values, where they are small; null: they follow from the chain. */
  values: JsonObjectSchema.nullable(),
  /** What is new since the checkpoint before; the whole chain, where it begins at its beginning. */
  chain: ChainPartSchema,
  /** What was new in the checkpoint before. Null: `chain` is the whole. */
  before: ChainPartSchema.nullable(),
  /** When the next whole one is due: bytes of the last whole one, and of all parts since. */
  growth: z.strictObject({ wholeBytes: z.int().min(0), sinceBytes: z.int().min(0) }),
});
export type SealedCheckpoint = z.infer<typeof SealedCheckpointSchema>;
