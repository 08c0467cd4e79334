/**
 * The manifest: what the world should look like now, as a pure function of the chain.
 *
 * Invariant: the latest change of a resource counts, and a read never replaces what is recorded.
 */
import { defined } from '../defined.ts';
import type { Digest } from '../digest.ts';
import { stateDigest, type ResourceState } from './world.ts';
import type { Change, ChainRecord } from './record.ts';

/** What the record says of one resource. */
export interface ManifestEntry {
  /** `file:report.md`, `row:main/note/{"id":1}`, `schema:main/note`. */
  readonly resource: string;
  /** Of its state. */
  readonly digest: Digest;
  /** What it should look like. */
  readonly state: ResourceState;
  /** How it came into the record. */
  readonly role: Change['role'];
  /** The number of the record that counts. */
  readonly seq: number;
  /** The step that put or found it; undefined for decisions and watches. */
  readonly stepId?: string;
  /** Of that step. */
  readonly generation?: number;
  /** When it was recorded, as ISO 8601. */
  readonly at: string;
}

/** The change of a resource that counts, and the record that made it. */
export interface LatestChange {
  readonly change: Change;
  readonly record: Pick<ChainRecord, 'seq' | 'at'> & {
    readonly step?: { readonly stepId: string; readonly generation: number };
  };
}

export function manifestEntryOf({ change, record }: LatestChange, digest: Digest): ManifestEntry {
  return {
    resource: change.resource,
    digest,
    state: change.state,
    role: change.role,
    seq: record.seq,
    at: record.at,
    ...record.step,
  };
}

/** Folds one record into a manifest. */
export function foldManifest(manifest: Map<string, ManifestEntry>, record: ChainRecord): void {
  const latest = new Map<string, LatestChange>();
  foldChanges(latest, record, (resource) => manifest.has(resource));
  for (const [resource, change] of latest)
    manifest.set(resource, manifestEntryOf(change, stateDigest(change.change.state)));
}

/**
 * Which changes of a record count: a read adds what was not recorded and changes nothing else. It found what was
 * recorded then, and a decision may have changed the record since, while the step that had read was still in flight.
 */
export function foldChanges(
  latest: Map<string, LatestChange>,
  record: ChainRecord,
  isRecorded: (resource: string) => boolean = () => false,
): void {
  const by = {
    seq: record.seq,
    at: record.at,
    ...defined({ step: record.kind === 'step' ? { stepId: record.stepId, generation: record.generation } : undefined }),
  };
  for (const change of record.changes) {
    if (change.role === 'read' && (latest.has(change.resource) || isRecorded(change.resource))) continue;
    latest.set(change.resource, { change, record: by });
  }
}
