/**
 * A generation of a LangGraph thread, as it is sealed.
 *
 * Invariants
 * 1. It holds at most one checkpoint, and the pending writes that came with it.
 * 2. `before` is what the generation before it holds, once more: a file that can't be read takes no value from the
 *    checkpoints that only refer to it.
 * 3. `head` says which checkpoint is the thread's latest after it, so that the latest is found without reading the
 *    others.
 */
import { isUtf8 } from 'node:buffer';
import * as z from 'zod';

/** What a serializer made of a value: its type, and the bytes as text where they are UTF-8, else as base64. */
const WrittenSchema = z.union([
  z.object({ type: z.string(), text: z.string() }),
  z.object({ type: z.string(), base64: z.string() }),
]);
export type Written = z.infer<typeof WrittenSchema>;

const GenerationSchema = z.int().nonnegative();

const CheckpointEntrySchema = z.object({
  is: z.literal('checkpoint'),
  id: z.string(),
  parent: z.string().optional(),
  /** It branches off deliberately: another checkpoint with this parent is no rival of it. */
  isBranch: z.boolean(),
  writer: z.string(),
  /** Everything of the checkpoint but the values of its channels. */
  checkpoint: WrittenSchema,
  metadata: WrittenSchema,
  /** Values of channels that are new, by channel. */
  values: z.record(z.string(), WrittenSchema),
  /** Channels whose value an earlier generation holds, and which. */
  kept: z.record(z.string(), GenerationSchema),
});
export type CheckpointEntry = z.infer<typeof CheckpointEntrySchema>;

const WritesEntrySchema = z.object({
  is: z.literal('writes'),
  checkpoint: z.string(),
  task: z.string(),
  /** The task's place in its super-step. Empty: LangGraph gave none. */
  path: z.string(),
  writer: z.string(),
  writes: z.array(z.object({ index: z.int(), channel: z.string(), value: WrittenSchema })),
});
export type WritesEntry = z.infer<typeof WritesEntrySchema>;

/** The thread was deleted: what stands in earlier generations is no longer part of it. */
const DeletedEntrySchema = z.object({ is: z.literal('deleted'), writer: z.string() });

/** Somebody has decided to go on without generations that can't be read. */
const SetAsideEntrySchema = z.object({
  is: z.literal('set-aside'),
  writer: z.string(),
  generations: z.array(GenerationSchema),
});

/** Older checkpoints were given up: of what stands before this, only these are part of the thread. */
const PrunedEntrySchema = z.object({
  is: z.literal('pruned'),
  writer: z.string(),
  checkpoints: z.array(z.string()),
  generations: z.array(GenerationSchema),
});
export type PrunedEntry = z.infer<typeof PrunedEntrySchema>;

const EntrySchema = z.discriminatedUnion('is', [
  CheckpointEntrySchema,
  WritesEntrySchema,
  DeletedEntrySchema,
  SetAsideEntrySchema,
  PrunedEntrySchema,
]);
export type Entry = z.infer<typeof EntrySchema>;

const HeadSchema = z.object({
  latest: z.object({ id: z.string(), generation: GenerationSchema }).optional(),
  /** Where the writes of the latest checkpoint stand, and of those that are still to be put. */
  writes: z.record(z.string(), z.array(GenerationSchema)),
});
export type Head = z.infer<typeof HeadSchema>;

export const EMPTY_HEAD: Head = { writes: {} };

export const DocumentSchema = z.object({
  thread: z.string(),
  namespace: z.string(),
  generation: GenerationSchema,
  entries: z.array(EntrySchema),
  /** Undefined: there was none, or it could not be read. */
  before: z.object({ generation: GenerationSchema, entries: z.array(EntrySchema) }).optional(),
  head: HeadSchema,
});
export type ThreadDocument = z.infer<typeof DocumentSchema>;

export function written([type, data]: readonly [string, Uint8Array]): Written {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(bytes) ? { type, text: bytes.toString('utf8') } : { type, base64: bytes.toString('base64') };
}

export function writtenBytes(value: Written): Uint8Array {
  return 'text' in value ? Buffer.from(value.text, 'utf8') : Buffer.from(value.base64, 'base64');
}

/** What a thread's head is after more was added to it. @param generation where the entries stand */
export function headAfter(head: Head, entries: readonly Entry[], generation: number): Head {
  return entries.reduce((before, entry) => headAfterEntry(before, entry, generation), head);
}

function headAfterEntry(head: Head, entry: Entry, generation: number): Head {
  if (entry.is === 'deleted') return EMPTY_HEAD;
  if (entry.is === 'set-aside' || entry.is === 'pruned') return head;
  if (entry.is === 'writes') {
    const { checkpoint } = entry;
    if (head.latest !== undefined && checkpoint < head.latest.id) return head;
    const places = new Set([...(head.writes[checkpoint] ?? []), generation]);
    return { ...head, writes: { ...head.writes, [checkpoint]: [...places] } };
  }
  if (head.latest !== undefined && entry.id < head.latest.id) return head;
  // What was written for a checkpoint that never came stays where it is, and is no longer looked for.
  const writes = Object.fromEntries(Object.entries(head.writes).filter(([id]) => id >= entry.id));
  return { latest: { id: entry.id, generation }, writes };
}
