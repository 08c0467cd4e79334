/**
 * The effects of a step: each is one change of one resource with the state before it, or a call that was made.
 *
 * Invariants
 * 1. Files and rows state what they show before; undoing an effect needs nothing else.
 * 2. Raw SQL names no resource: its token row stands for it.
 */
import * as z from 'zod';
import { JsonObjectSchema, JsonSchema } from '../json.ts';
import { DigestSchema } from '../digest.ts';
import { formatResource, type Resource } from './resource.ts';
import {
  RowStateSchema,
  AbsentSchema,
  FileStateSchema,
  DirectoryStateSchema,
  SymlinkStateSchema,
  OtherFileStateSchema,
} from './world.ts';

const ValuesSchema = JsonObjectSchema;

export const AnyFileStateSchema = z.discriminatedUnion('kind', [
  AbsentSchema,
  FileStateSchema,
  DirectoryStateSchema,
  SymlinkStateSchema,
  OtherFileStateSchema,
]);

/**
 * How many names (hard links) the file has that is replaced or removed, where it has several: the others keep its old
 * content, and undoing does not join them again. Of version 0.1: never there.
 */
const NAMES = { names: z.int().min(2).optional() };

/** `after.content` names the blob. */
export const FileWriteSchema = z.strictObject({
  kind: z.literal('file.write'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: FileStateSchema,
  ...NAMES,
});

export const FileRemoveSchema = z.strictObject({
  kind: z.literal('file.remove'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: AbsentSchema,
  ...NAMES,
});

/** Puts a path to a state that it had: what undoes any change of a path. */
export const FileRestoreSchema = z.strictObject({
  kind: z.literal('file.restore'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: AnyFileStateSchema,
  ...NAMES,
});

export const DirectoryCreateSchema = z.strictObject({
  kind: z.literal('directory.create'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: DirectoryStateSchema,
  ...NAMES,
});

/** Once what was in it is gone. */
export const DirectoryRemoveSchema = z.strictObject({
  kind: z.literal('directory.remove'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: AbsentSchema,
});

export const DirectoryModeSchema = z.strictObject({
  kind: z.literal('directory.mode'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: DirectoryStateSchema,
});

export const SymlinkWriteSchema = z.strictObject({
  kind: z.literal('symlink.write'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: SymlinkStateSchema,
  ...NAMES,
});

/**
 * A change to one row by its primary key. `columns`: those that the record covers (default: those written, and the
 * key). `before` covers the same columns. What comes after is what the transaction reads back: defaults, triggers and
 * numeric scales change what was sent.
 */
export const RowChangeSchema = z.strictObject({
  kind: z.enum(['row.insert', 'row.upsert', 'row.update', 'row.delete']),
  database: z.string(),
  table: z.string(),
  key: ValuesSchema,
  values: ValuesSchema,
  columns: z.array(z.string()),
  before: z.discriminatedUnion('kind', [AbsentSchema, RowStateSchema]),
  /** The database changed it by itself, together with what the step asked for: how, for people. */
  by: z.string().optional(),
});

/** Raw SQL: made once by its token row. It has an undo only if the step gives one. */
export const SqlSchema = z.strictObject({
  kind: z.literal('sql'),
  database: z.string(),
  text: z.string(),
  params: z.array(JsonSchema),
  writes: z.array(z.string()),
  undo: z.strictObject({ text: z.string(), params: z.array(JsonSchema) }).optional(),
});

/**
 * A call that was made while the step's code ran (`ctx.perform`): it is in the list so that the record names it, and
 * there is nothing to apply. It can't be undone.
 */
export const PerformSchema = z.strictObject({
  kind: z.literal('perform'),
  name: z.string(),
  /** The idempotency key that was sent. */
  key: z.string(),
  /** What was sent: its digest, and its text cut to a bound. */
  request: z.strictObject({ digest: DigestSchema, text: z.string() }),
  answer: DigestSchema,
  /** Who says that it happened: the call's own answer, the step's probe, or a person. */
  known: z.enum(['called', 'probed', 'told']),
  /** The generation that made it: an earlier one, for a call that is kept when its step runs again. */
  generation: z.int().min(0),
});

export const EffectSchema = z.discriminatedUnion('kind', [
  FileWriteSchema,
  FileRemoveSchema,
  FileRestoreSchema,
  DirectoryCreateSchema,
  DirectoryRemoveSchema,
  DirectoryModeSchema,
  SymlinkWriteSchema,
  RowChangeSchema,
  SqlSchema,
  PerformSchema,
]);
export type Effect = z.infer<typeof EffectSchema>;

export type FileEffect = Extract<Effect, { path: string }>;

export type DatabaseEffect = Extract<Effect, { database: string }>;
export type RowChange = z.infer<typeof RowChangeSchema>;
export type SqlEffect = z.infer<typeof SqlSchema>;
export type PerformEffect = z.infer<typeof PerformSchema>;

/** Is it still to be made when the intent is sealed? What was called is done already. */
export function isToApply(effect: Effect): effect is Exclude<Effect, PerformEffect> {
  return effect.kind !== 'perform';
}

/** The resource that an effect changes; raw SQL changes none by name (its token row stands for it), nor does a call. */
export function resourceOfEffect(effect: Effect): Resource | undefined {
  switch (effect.kind) {
    case 'file.write':
    case 'file.remove':
    case 'file.restore':
    case 'directory.create':
    case 'directory.remove':
    case 'directory.mode':
    case 'symlink.write':
      return { kind: 'file', path: effect.path };
    case 'row.insert':
    case 'row.upsert':
    case 'row.update':
    case 'row.delete':
      return { kind: 'row', database: effect.database, table: effect.table, key: effect.key };
    case 'sql':
    case 'perform':
      return undefined;
  }
}

/** The same by its name. */
export function uriOf(effect: Effect): string | undefined {
  const resource = resourceOfEffect(effect);
  return resource === undefined ? undefined : formatResource(resource);
}

/** Of a file that had other names: more than 1. */
export function namesBefore(effect: Effect): number {
  return 'names' in effect ? (effect.names ?? 1) : 1;
}

/** Does a path become another kind of thing? What stands there is taken away first: on the way nothing is. */
export function changesKind({ before, after }: Pick<FileEffect, 'before' | 'after'>): boolean {
  return before.kind !== after.kind && before.kind !== 'absent' && after.kind !== 'absent';
}

/** Did the database make the change by itself: a foreign key's action, a trigger? */
export function isByDatabase(effect: Effect): boolean {
  return 'by' in effect && effect.by !== undefined;
}

/**
 * The order in which effects are put back: the last first; then what the database did by itself, in its order, since
 * what is put back before makes it act again.
 */
export function inUndoOrder<T extends { readonly effect: Effect }>(effects: readonly T[]): readonly T[] {
  const asked = effects.filter(({ effect }) => !isByDatabase(effect));
  return [...asked.reverse(), ...effects.filter(({ effect }) => isByDatabase(effect))];
}

/**
 * Has every statement an undo? Files and rows always have one; a call has none, and keeps its answer when its step
 * runs again.
 */
export function canBeUndone(effects: readonly Effect[]): boolean {
  return effects.every((effect) => effect.kind !== 'sql' || effect.undo !== undefined);
}
