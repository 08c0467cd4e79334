/**
 * What one attempt of a step has read, staged and decided: nothing of it is in the world yet.
 *
 * Invariants
 * 1. Every read of a resource that the record knows must find what the record says, else the attempt unwinds (MustVerify).
 * 2. A step sees its own staged files; a query of a table with staged changes is an error that says so.
 * 3. A resource has one staged change: later ones are folded into it, or refused.
 */
import { hash } from 'node:crypto';
import type { JsonObject } from '../../model/canonical-json.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { ListingObservation, QueryObservation } from '../../model/record/observation.ts';
import type { SqlEffect } from '../../model/record/effect.ts';
import { formatResource, parseResource } from '../../model/record/resource.ts';
import { ABSENT, stateDigest, type FileState, type ResourceState } from '../../model/record/world.ts';
import type { FileSighting } from '../../effects/files/index.ts';
import { utf8 } from '../../store/blobs/blobs.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import type { Doubt } from './doubt.ts';

export const DEFAULT_FILE_MODE = 0o644;

export type StagedFile =
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly content: Digest;
      readonly sizeBytes: number;
      readonly mode?: number | undefined;
    }
  | { readonly kind: 'remove'; readonly path: string }
  /** Exactly this, of whatever kind: what a command made of it. `before`: what the command was given; absent: what was staged. */
  | { readonly kind: 'put'; readonly path: string; readonly after: FileState; readonly before?: FileState };

export interface StagedRow {
  readonly kind: 'row.insert' | 'row.upsert' | 'row.update' | 'row.delete';
  readonly database: string;
  readonly table: string;
  readonly key: JsonObject;
  readonly values: JsonObject;
  readonly columns: readonly string[];
}

export type StagedChange = StagedRow | SqlEffect;

/** Up to here a content waits in memory for the seal and goes into the ledger; a larger one is a file at once. */
export const MAX_CONTENT_IN_LEDGER_BYTES = 16 * 1024;
/** All of an attempt's together. */
export const MAX_CONTENTS_IN_LEDGER_BYTES = 1024 * 1024;

export class Stage {
  readonly files = new Map<string, StagedFile>();
  /** In the order in which they were staged; folded rows keep the place of the first. */
  readonly changes: StagedChange[] = [];
  readonly observations = new Map<string, ResourceState>();
  /** What each file looked like when it was read or is about to be replaced, for the check before applying. */
  readonly seenFiles = new Map<string, FileSighting>();
  readonly queries: QueryObservation[] = [];
  readonly listings: ListingObservation[] = [];
  readonly logs: { message: string; fields?: JsonObject }[] = [];
  readonly onceNames = new Set<string>();
  /** Of those, the ones whose value the code has. */
  readonly onceUsed = new Set<string>();
  /** Calls that happened and whose answer the code has. */
  readonly performed = new Map<string, PerformRow>();
  /** Calls that a person is asked about. */
  readonly inDoubt = new Map<string, Doubt>();
  /** Commands whose result the code has, by name: something that it read. */
  readonly commands = new Map<string, Digest>();
  /** Commands that run, or are being ended: an attempt waits for them, also when it is cut off. */
  readonly ending = new Set<Promise<unknown>>();
  /** Calls that are under way. */
  readonly performing = new Set<Promise<unknown>>();
  /** Errors by which a call said that it did not happen. Where they come out of another call, they say nothing of that one. */
  readonly saidOfOthers = new WeakSet<Error>();
  /** What a call threw that ends the attempt, also where the code has caught it. */
  mustEnd: { readonly error: unknown } | undefined;
  /** The code has ended: what it left behind may not act any more. */
  isOver = false;
  /** Small contents, written with the seal. */
  readonly contents = new Map<Digest, Uint8Array>();
  readonly #keepsContents: boolean;
  #contentsBytes = 0;
  readonly #rowPlaces = new Map<string, number>();

  /** `keepsContents: false`: somebody looks at the contents before the seal. */
  constructor({ keepsContents }: { readonly keepsContents: boolean }) {
    this.#keepsContents = keepsContents;
  }

  /** Keeps a small content in memory; undefined: it is not one. @throws HoldfastError `bad-input` for a string that is not Unicode */
  keep(content: unknown): { readonly content: Digest; readonly sizeBytes: number } | undefined {
    if (
      !this.#keepsContents ||
      (typeof content !== 'string' && !(content instanceof Uint8Array)) ||
      content.length > MAX_CONTENT_IN_LEDGER_BYTES
    )
      return undefined;
    // A copy: the step may go on to change its buffer.
    const bytes = typeof content === 'string' ? utf8(content) : Uint8Array.from(content);
    if (
      bytes.byteLength > MAX_CONTENT_IN_LEDGER_BYTES ||
      this.#contentsBytes + bytes.byteLength > MAX_CONTENTS_IN_LEDGER_BYTES
    )
      return undefined;
    const digest = hash('sha256', bytes);
    this.contents.set(digest, bytes);
    this.#contentsBytes += bytes.byteLength;
    return { content: digest, sizeBytes: bytes.byteLength };
  }

  /** May so much go into the ledger? Then it counts. */
  takesContent(sizeBytes: number): boolean {
    if (sizeBytes > MAX_CONTENT_IN_LEDGER_BYTES || this.#contentsBytes + sizeBytes > MAX_CONTENTS_IN_LEDGER_BYTES)
      return false;
    this.#contentsBytes += sizeBytes;
    return true;
  }

  observe(resource: string, state: ResourceState): void {
    this.observations.set(resource, state);
  }

  /** What a `once` value depends on: everything read so far, and which calls were made anew (their answers are others now). */
  onceDigest(): Digest {
    const anew = [...this.performed.values()]
      .filter(({ round }) => round > 0)
      .map(({ name, round }) => `${name} ${round}`)
      .sort();
    return anew.length === 0 ? this.readsDigest() : digestOf({ reads: this.readsDigest(), anew });
  }

  /** The digest of everything read so far. */
  readsDigest(): Digest {
    return digestOf({
      resources: [...this.observations]
        .map(([resource, state]) => [resource, stateDigest(state)])
        .sort(([a], [b]) => (a! < b! ? -1 : 1)),
      queries: this.queries.map(({ database, sql, params, rows }) => ({ database, sql, params, rows })),
      listings: this.listings.map(({ folder, recursive, entries }) => ({ folder, recursive, entries })),
      ...(this.commands.size === 0 ? {} : { commands: [...this.commands] }),
    });
  }

  /** What a read of a staged path finds; undefined: nothing is staged there. */
  stagedState(path: string): FileState | undefined {
    const staged = this.files.get(path);
    switch (staged?.kind) {
      case undefined:
        return undefined;
      case 'put':
        return staged.after;
      case 'remove':
        return ABSENT;
      case 'write':
        return {
          kind: 'file',
          sizeBytes: staged.sizeBytes,
          mode: staged.mode ?? DEFAULT_FILE_MODE,
          content: staged.content,
        };
    }
  }

  /** Stages a state; the last that was staged of a path counts, and stands in the order in which it was. */
  put(path: string, after: FileState, before?: FileState): void {
    this.files.delete(path);
    this.files.set(path, { kind: 'put', path, after, ...(before === undefined ? {} : { before }) });
  }

  stageRow(row: StagedRow): void {
    const uri = formatResource({ kind: 'row', database: row.database, table: row.table, key: row.key });
    const place = this.#rowPlaces.get(uri);
    if (place === undefined) {
      this.#rowPlaces.set(uri, this.changes.length);
      this.changes.push(row);
      return;
    }
    if (this.changes.slice(place).some((change) => change.kind === 'sql' && change.database === row.database)) {
      throw new HoldfastError(
        'same-target-twice',
        `${uri} is changed before and after a raw statement of the same step; the order could not be kept.`,
        { resource: uri },
      );
    }
    this.changes[place] = foldRow(this.changes[place] as StagedRow, row, uri);
  }

  stageSql(effect: SqlEffect): void {
    this.changes.push(effect);
  }

  /** Tables of a database that were looked at. */
  tablesOf(database: string): readonly string[] {
    return [...this.observations.keys()]
      .map(parseResource)
      .flatMap((resource) => (resource.kind === 'schema' && resource.database === database ? [resource.table] : []));
  }

  /** Tables with staged changes in a database. */
  stagedTables(database: string): ReadonlySet<string> {
    return new Set(
      this.changes
        .filter((change) => change.database === database)
        .flatMap((change) => (change.kind === 'sql' ? change.writes : [change.table])),
    );
  }
}

function foldRow(first: StagedRow, next: StagedRow, uri: string): StagedRow {
  const columns = [...new Set([...first.columns, ...next.columns])];
  if (next.kind === 'row.delete') return { ...next, columns };
  const isUpdate = next.kind === 'row.update' || next.kind === 'row.upsert';
  if (first.kind !== 'row.delete' && isUpdate)
    return { ...first, values: { ...first.values, ...next.values }, columns };
  throw new HoldfastError(
    'same-target-twice',
    `${uri} is staged twice in one step: ${first.kind.slice(4)}, then ${next.kind.slice(4)}.`,
    { resource: uri },
  );
}
