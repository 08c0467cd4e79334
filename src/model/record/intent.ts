/**
 * The sealed list of effects that a step is about to apply.
 *
 * Invariants
 * 1. An intent is complete when it is sealed: contents are durable blobs, the output is known, every `before` is stated.
 * 2. Effects on one database are applied in the order in which they were staged, in one transaction.
 * 3. Its digest covers everything a person approves: what is approved is byte for byte what is applied.
 */
import * as z from 'zod';
import { digestOf, DigestSchema, type Digest } from '../digest.ts';
import { formatResource, type Resource } from './resource.ts';
import {
  ResourceStateSchema,
  RowStateSchema,
  AbsentSchema,
  FileStateSchema,
  DirectoryStateSchema,
  SymlinkStateSchema,
  OtherFileStateSchema,
} from './world.ts';
import type { Json } from '../canonical-json.ts';

const JsonSchema = z.json() as z.ZodType<Json>;
const ValuesSchema = z.record(z.string(), JsonSchema);
const AnyFileStateSchema = z.discriminatedUnion('kind', [
  AbsentSchema,
  FileStateSchema,
  DirectoryStateSchema,
  SymlinkStateSchema,
  OtherFileStateSchema,
]);

/** `after.content` names the blob. */
export const FileWriteSchema = z.strictObject({
  kind: z.literal('file.write'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: FileStateSchema,
});
export const FileRemoveSchema = z.strictObject({
  kind: z.literal('file.remove'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: AbsentSchema,
});
/** Puts a path to a state that it had: what undoes any change of a path. */
export const FileRestoreSchema = z.strictObject({
  kind: z.literal('file.restore'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: AnyFileStateSchema,
});
export const DirectoryCreateSchema = z.strictObject({
  kind: z.literal('directory.create'),
  path: z.string(),
  before: AnyFileStateSchema,
  after: DirectoryStateSchema,
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
});

/**
 * A change to one row by its primary key. `columns`: those that the record covers (default: those written, and the key).
 * `before` covers the same columns. What comes after is what the transaction reads back: defaults, triggers and numeric
 * scales change what was sent.
 */
export const RowChangeSchema = z.strictObject({
  kind: z.enum(['row.insert', 'row.upsert', 'row.update', 'row.delete']),
  database: z.string(),
  table: z.string(),
  key: ValuesSchema,
  values: ValuesSchema,
  columns: z.array(z.string()),
  before: z.discriminatedUnion('kind', [AbsentSchema, RowStateSchema]),
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
  /** The generation that made it; an earlier one's is kept when a step runs again. */
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

/** One resource that the step read; it goes into the manifest. */
export const ObservationSchema = z.strictObject({ resource: z.string(), state: ResourceStateSchema });
export type Observation = z.infer<typeof ObservationSchema>;

/** An ad-hoc query: its rows are compared again at apply, and not afterwards (unless the plan declares a watch). */
export const QueryObservationSchema = z.strictObject({
  database: z.string(),
  sql: z.string(),
  params: z.array(JsonSchema),
  rows: DigestSchema,
});
export type QueryObservation = z.infer<typeof QueryObservationSchema>;

/** A folder's listing: compared again at apply, and not afterwards. */
export const ListingObservationSchema = z.strictObject({
  folder: z.string(),
  recursive: z.boolean(),
  entries: DigestSchema,
});
export type ListingObservation = z.infer<typeof ListingObservationSchema>;

/** What is not undone, and why: for people. */
export const LeftSchema = z.strictObject({ what: z.string(), why: z.string() });
export type Left = z.infer<typeof LeftSchema>;

/** Of an intent that undoes a step: which record of it. `seq` null: the step was not finished, and only calls of it are undone. */
export const UndoesSchema = z.strictObject({
  stepId: z.string(),
  generation: z.int().min(0),
  token: DigestSchema,
  seq: z.int().nullable(),
  left: z.array(LeftSchema),
  notes: z.array(z.string()),
  /** What the record says of resources that nothing is to be done to: they are as before already, or stay as found. */
  settled: z.array(
    z.strictObject({ resource: z.string(), role: z.enum(['undone', 'accepted']), state: ResourceStateSchema }),
  ),
});
export type Undoes = z.infer<typeof UndoesSchema>;

export const IntentSchema = z.strictObject({
  schemaVersion: z.literal(1),
  jobId: z.string(),
  stepId: z.string(),
  step: z.string(),
  generation: z.int().min(0),
  token: DigestSchema,
  /** An approval dies with its draft, also where the next one comes out the same. */
  draft: z.int().min(0),
  args: DigestSchema,
  effects: z.array(EffectSchema),
  observations: z.array(ObservationSchema),
  queries: z.array(QueryObservationSchema),
  listings: z.array(ListingObservationSchema),
  /** What commands in place have left in the workspace: done already, and the record's from now on. */
  left: z.array(ObservationSchema).optional(),
  output: JsonSchema,
  undoes: UndoesSchema.optional(),
});
export type Intent = z.infer<typeof IntentSchema>;

export function intentDigest(intent: Intent): Digest {
  return digestOf(intent);
}

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

/** Does a path become another kind of thing? What stands there is taken away first: on the way nothing is. */
export function changesKind({ before, after }: Pick<FileEffect, 'before' | 'after'>): boolean {
  return before.kind !== after.kind && before.kind !== 'absent' && after.kind !== 'absent';
}

/** Has every statement an undo? Files and rows always have one; a call has none, and keeps its answer when its step runs again. */
export function canBeUndone(effects: readonly Effect[]): boolean {
  return effects.every((effect) => effect.kind !== 'sql' || effect.undo !== undefined);
}

/** One line a person can read: `write report.md (2,143 bytes)`. */
export function describeEffect(effect: Effect): string {
  switch (effect.kind) {
    case 'file.write':
      if (isModeChange(effect)) return `change the mode of ${effect.path} to ${octal(effect.after.mode)}`;
      return `${effect.before.kind === 'absent' ? 'create' : 'replace'} ${effect.path} (${effect.after.sizeBytes.toLocaleString('en-US')} bytes)`;
    case 'file.remove':
      return `remove ${effect.path}`;
    case 'file.restore':
      return `put ${effect.path} back: ${describeFileState(effect.after)}`;
    case 'directory.create':
      return `create folder ${effect.path}/`;
    case 'directory.remove':
      return `remove folder ${effect.path}/`;
    case 'directory.mode':
      return `change the mode of folder ${effect.path}/ to ${octal(effect.after.mode)}`;
    case 'symlink.write':
      return `${effect.before.kind === 'absent' ? 'create' : 'replace'} symbolic link ${effect.path} → ${effect.after.target}`;
    case 'perform':
      return `called ${effect.name}${effect.known === 'called' ? '' : ` (${effect.known === 'told' ? 'as a person says' : 'as the probe found'})`}${effect.request.text === 'null' ? '' : `: ${effect.request.text.length > 200 ? `${effect.request.text.slice(0, 200)}…` : effect.request.text}`}`;
    case 'sql':
      return `run SQL on ${effect.database}: ${effect.text.length > 200 ? `${effect.text.slice(0, 200)}…` : effect.text}`;
    default:
      return `${effect.kind.slice('row.'.length)} ${formatResource({ kind: 'row', database: effect.database, table: effect.table, key: effect.key })}`;
  }
}

function isModeChange({ before, after }: z.infer<typeof FileWriteSchema>): boolean {
  return before.kind === 'file' && before.content === after.content && before.mode !== after.mode;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function describeFileState(state: z.infer<typeof AnyFileStateSchema>): string {
  switch (state.kind) {
    case 'absent':
      return 'not there';
    case 'file':
      return `${state.sizeBytes.toLocaleString('en-US')} bytes`;
    case 'directory':
      return 'a folder';
    case 'symlink':
      return `a link to ${state.target}`;
    case 'other':
      return state.what;
  }
}
