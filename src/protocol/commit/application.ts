/** An intent that is being applied: what the parts that apply it (databases, files, reads) share. */
import type { Database, DatabaseTransaction } from '../../effects/database/database.ts';
import type { Reach } from '../../effects/database/reach.ts';
import type { FileSighting } from '../../effects/files/sighting.ts';
import type { Digest } from '../../model/digest.ts';
import type { DatabaseEffect, FileEffect, RowChange } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { Change } from '../../model/record/record.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { ResourceState } from '../../model/record/world.ts';
import type { ByDatabase, IntentRow, NewIntent } from '../../store/ledger/intents.ts';
import { EffectMarks } from './effect-marks.ts';
import type { JobUnderLock } from './job-under-lock.ts';
import type { PreparedFiles } from './prepare.ts';

export interface Application {
  readonly job: JobUnderLock;
  readonly row: IntentRow;
  readonly intent: Intent;
  readonly files: IntentFiles;
  readonly marks: EffectMarks;
  /** Was it half applied when this began? */
  readonly isRollForward: boolean;
  /** Transactions that are neither committed nor rolled back, in the order of their databases' names. */
  readonly open: OpenTransaction[];
  /** What committed transactions changed besides the effects: token rows, schemas, recorded rows. */
  readonly changes: Change[];
  /** What databases did by themselves in committed transactions, by their names. */
  readonly byDatabase: Map<string, ByDatabase>;
}

/** The files of an intent as applying it finds them. */
export interface IntentFiles {
  readonly prepared: PreparedFiles;
  /** What each file looked like when this attempt last hashed it, by path. */
  readonly seen: ReadonlyMap<string, FileSighting>;
  /** The intent, where the ledger may not have it yet: it is sealed in the commit that says `applying`. */
  readonly unsealed?: () => NewIntent;
}

/** A database's part of the intent, made and read back; nothing of it is visible yet. */
export interface OpenTransaction {
  readonly database: Database;
  readonly transaction: DatabaseTransaction;
  readonly effects: readonly PlacedEffect<DatabaseEffect>[];
  /** The token row has it from the beginning; undefined: it has none yet. */
  readonly foreseenNote: Digest | undefined;
  /** What the changes may bring with them. */
  readonly reach: Reach;
  /** Tables as the record, or the intent, spells them. */
  readonly spellings: readonly string[];
  /** Rows that the record knows in the tables that statements write. */
  readonly recorded: readonly ManifestEntry[];
  /** Rows that the record knows and that foreign keys or triggers may change. */
  readonly reachable: readonly ManifestEntry[];
  /** What the transaction read back, by effect. */
  readonly afters: Map<number, ResourceState>;
  readonly changes: Change[];
  /** What the database has done by itself. */
  byDatabase: ByDatabase;
  /** The answer to the note of what was read back; awaited before anything is committed. */
  noted: Promise<void>;
}

/** An effect with its place in the intent. */
export type PlacedEffect<E> = readonly [index: number, effect: E];

export function applicationOf(job: JobUnderLock, row: IntentRow, files: IntentFiles): Application {
  const { intent, state } = row;
  const marks = new EffectMarks(job.ledger, row);
  return {
    job,
    row,
    intent,
    files,
    marks,
    isRollForward: state === 'applying',
    open: [],
    changes: [],
    byDatabase: new Map(),
  };
}

/** In canonical order: two steps that write the same databases cannot wait for each other. */
export function databaseNames({ effects }: Pick<Intent, 'effects'>): readonly string[] {
  return [...new Set(effects.flatMap((effect) => ('database' in effect ? [effect.database] : [])))].sort();
}

export function databaseEffects({ effects }: Pick<Intent, 'effects'>, name: string): PlacedEffect<DatabaseEffect>[] {
  return [...effects.entries()].filter(
    (entry): entry is [number, DatabaseEffect] => 'database' in entry[1] && entry[1].database === name,
  );
}

export function fileEffects({ effects }: Pick<Intent, 'effects'>): PlacedEffect<FileEffect>[] {
  return [...effects.entries()].filter((entry): entry is [number, FileEffect] => 'path' in entry[1]);
}

export function rowChanges(effects: readonly PlacedEffect<DatabaseEffect>[]): PlacedEffect<RowChange>[] {
  return effects.filter((entry): entry is PlacedEffect<RowChange> => entry[1].kind !== 'sql');
}
