/**
 * What a resource looks like at one moment, and what came of looking.
 *
 * Invariant: "could not read" and "could not reach" are outcomes of looking, never states. Nothing can be recorded
 * from them, and they equal no state (not even `absent`).
 */
import * as z from 'zod';
import { JsonSchema } from '../json.ts';
import { canonicalJson } from '../canonical-json.ts';
import { defined } from '../defined.ts';
import { digestOf, DigestSchema, sha256Hex, type Digest } from '../digest.ts';

export const AbsentSchema = z.strictObject({ kind: z.literal('absent') });
/** mode: permission bits only (0o7777). content: SHA-256 of the bytes. */
export const FileStateSchema = z.strictObject({
  kind: z.literal('file'),
  sizeBytes: z.int().min(0),
  mode: z.int(),
  content: DigestSchema,
});
export const DirectoryStateSchema = z.strictObject({ kind: z.literal('directory'), mode: z.int() });
export const SymlinkStateSchema = z.strictObject({ kind: z.literal('symlink'), target: z.string() });
/** A FIFO, socket or device: recognised, never opened. */
export const OtherFileStateSchema = z.strictObject({ kind: z.literal('other'), what: z.string() });
/** The columns that the record covers, values as canonical scalars (see effects/database). */
export const RowStateSchema = z.strictObject({ kind: z.literal('row'), columns: z.record(z.string(), JsonSchema) });

export const ColumnSchema = z.strictObject({
  name: z.string(),
  type: z.string(),
  nullable: z.boolean(),
  default: z.string().nullable(),
  position: z.int(),
  generated: z.string().nullable(),
});
/** Indexes, keys and constraints as sorted, normalised definitions, so that order of creation is no difference. */
export const TableSchemaStateSchema = z.strictObject({
  kind: z.literal('schema'),
  columns: z.array(ColumnSchema),
  primaryKey: z.array(z.string()),
  indexes: z.array(z.string()),
  constraints: z.array(z.string()),
  /** Which table the name led to, where a name can lead to several (PostgreSQL). Not in records of version 0.1. */
  table: z.strictObject({ name: z.string(), id: z.string() }).optional(),
  /**
   * What else changes what a write does, sorted and normalised: triggers, rules, policies, partitioning, persistence,
   * labels of enumerations. Not in records of version 0.1.
   */
  behaviour: z.array(z.string()).optional(),
});
/** In the behaviour of a table of which this role may not see every row, as the record has known it. */
export const HIDES_ROWS = 'ROW LEVEL SECURITY holds for this role';

export const TokenStateSchema = z.strictObject({ kind: z.literal('token'), intent: DigestSchema, rows: z.string() });
export const IdentityStateSchema = z.strictObject({
  kind: z.literal('identity'),
  system: z.string(),
  timeline: z.string(),
  name: z.string(),
});
/** A value that is compared whole: the result of a watched query, a version. `summary` is for people, bounded. */
export const ValueStateSchema = z.strictObject({ kind: z.literal('value'), value: DigestSchema, summary: z.string() });

export const ResourceStateSchema = z.discriminatedUnion('kind', [
  AbsentSchema,
  FileStateSchema,
  DirectoryStateSchema,
  SymlinkStateSchema,
  OtherFileStateSchema,
  RowStateSchema,
  TableSchemaStateSchema,
  TokenStateSchema,
  IdentityStateSchema,
  ValueStateSchema,
]);
export type ResourceState = z.infer<typeof ResourceStateSchema>;
/** What stands at a path. `mode`: permission bits, 0o7777 at most. `content`: SHA-256 of the bytes, 64 hex digits. */
export type FileState = Extract<ResourceState, { kind: 'absent' | 'file' | 'directory' | 'symlink' | 'other' }>;
/** What a row shows. `columns`: those that the record covers, as canonical JSON scalars. */
export type RowState = Extract<ResourceState, { kind: 'absent' | 'row' }>;
export type TableSchemaState = Extract<ResourceState, { kind: 'schema' }>;
/** What a table is made of. */
export type SchemaState = Extract<ResourceState, { kind: 'absent' | 'schema' }>;
export type TokenState = Extract<ResourceState, { kind: 'absent' | 'token' }>;
export type IdentityState = Extract<ResourceState, { kind: 'identity' }>;
export const ABSENT: Extract<ResourceState, { kind: 'absent' }> = { kind: 'absent' };

/** What came of looking at a resource. */
export type Sighting =
  | { readonly outcome: 'seen'; readonly state: ResourceState }
  /** No permission helps where a symbolic link leads out of the workspace, or where a database is damaged. */
  | {
      readonly outcome: 'unreadable';
      readonly reason: string;
      readonly leadsOutside?: true;
      readonly isDamaged?: true;
    }
  | { readonly outcome: 'unreachable'; readonly reason: string };

const ABSENT_DIGEST = digestOf(ABSENT);

/** The digest of a state, without `summary` texts: only what the resource is counts. */
export function stateDigest(state: ResourceState): Digest {
  return state.kind === 'absent' ? ABSENT_DIGEST : sha256Hex(stateText(state));
}

/** What a state's digest is over. */
export function stateText(state: ResourceState): string {
  return canonicalJson(essenceOf(state));
}

/**
 * The same as equal digests, without the hashing; but what an earlier version did not record of a table is not
 * compared.
 */
export function sameState(a: ResourceState, b: ResourceState): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  // A comparison may have a hundred thousand of them.
  if (a.kind === 'file' && b.kind === 'file')
    return a.content === b.content && a.sizeBytes === b.sizeBytes && a.mode === b.mode;
  return canonicalJson(essenceOf(comparableTo(b, a))) === canonicalJson(essenceOf(comparableTo(a, b)));
}

/** A table as version 0.1 recorded it: what a step's code can tell of it. */
export function withoutBehaviour(state: ResourceState): ResourceState {
  if (state.kind !== 'schema') return state;
  const { table: _table, behaviour: _behaviour, ...earlier } = state;
  return earlier;
}

/** `state` without what the other lacks because an earlier version recorded it. */
function comparableTo(other: ResourceState, state: ResourceState): ResourceState {
  if (state.kind !== 'schema' || other.kind !== 'schema') return state;
  const { table, behaviour, ...earlier } = state;
  return {
    ...earlier,
    ...defined({
      table: other.table === undefined ? undefined : table,
      behaviour: other.behaviour === undefined ? undefined : behaviour,
    }),
  };
}

/** What a row shows in these columns, as far as it has them. */
export function onlyColumns(state: RowState, columns: readonly string[]): RowState {
  if (state.kind === 'absent') return state;
  const present = columns.filter((column) => column in state.columns);
  return { kind: 'row', columns: Object.fromEntries(present.map((column) => [column, state.columns[column]!])) };
}

function essenceOf(state: ResourceState): unknown {
  return state.kind === 'value' ? { kind: 'value', value: state.value } : state;
}
