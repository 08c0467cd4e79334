/**
 * What is sealed, and the versions of each kind. A version covers the document and the bytes around it.
 *
 * Invariant: whatever version was ever written is read: each has the function that makes the next one of it, and a
 * fixture in test/fixtures/sealed.
 */
import type { Json } from '../../model/canonical-json.ts';
import { invariant } from '../../model/invariant.ts';

/** A kind of document: its version now, and by each earlier version what makes the next one of it. */
export interface SealedKind {
  readonly schemaVersion: number;
  readonly migrations: Readonly<Record<number, (document: Json) => Json>>;
}

const KINDS = {
  /** A job at the end of a super-step. */
  checkpoint: { schemaVersion: 1, migrations: {} },
  /** A job that has ended, in an archive. */
  archive: { schemaVersion: 1, migrations: {} },
  /** A generation of a LangGraph thread. */
  langgraph: { schemaVersion: 1, migrations: {} },
} as const satisfies Record<string, SealedKind>;

/** The name of a kind. */
export type KindName = keyof typeof KINDS;

/** All kinds by their names. */
export const SEALED_KINDS: Readonly<Record<KindName, SealedKind>> = KINDS;

export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[];

/** Undefined: this version knows no such kind. */
export function kindNamed(name: string): SealedKind | undefined {
  return Object.hasOwn(SEALED_KINDS, name) ? SEALED_KINDS[name as KindName] : undefined;
}

/** A document of an earlier version as one of now, through every version between. */
export function migrated(kind: SealedKind, schemaVersion: number, document: Json): Json {
  let migratedDocument = document;
  for (let version = schemaVersion; version < kind.schemaVersion; version++) {
    const migrate = kind.migrations[version];
    invariant(migrate !== undefined, `nothing makes version ${version + 1} of a document of version ${version}`);
    migratedDocument = migrate(migratedDocument);
  }
  return migratedDocument;
}
