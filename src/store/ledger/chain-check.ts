/**
 * Recomputes a job's chain and manifest from the stored texts of its records, a batch at a time.
 *
 * Invariants
 * 1. Every text is hashed by every check: a record that was changed is found, however often it was read before.
 * 2. A text is parsed by its schema once a process: one that leads from a head to a head that it led to before is the
 *    text that was parsed then.
 * 3. The manifest must be what the chain folds to, entry by entry and digest by digest.
 */
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Digest } from '../../model/digest.ts';
import { ChainRecordSchema, type ChainRecord } from '../../model/record/record.ts';
import { foldChanges, manifestEntryOf, type LatestChange, type ManifestEntry } from '../../model/record/manifest.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { stateText } from '../../model/record/world.ts';

/** A batch ends with whichever comes first. */
export const BATCH_RECORDS = 200;
export const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_ENTRIES = 1_000;
/** Heads that are remembered to spare parsing; beyond that records are parsed again. */
const MAX_PARSED = 200_000;

/** A record as it is stored. `head`: as it is stated beside the record. */
export interface StoredRecord {
  readonly seq: number;
  readonly text: string;
  readonly head: Digest;
}

export interface ReadRecord extends StoredRecord {
  readonly record: ChainRecord;
  /** As it follows from the head before it and the text. */
  readonly computed: Digest;
}

/** `nextHead` of the model, by Node's own hashing. */
export function headOf(previous: Digest, text: string): Digest {
  return hash('sha256', `${previous}\n${text}`);
}

/** Parses records; what it has parsed before it takes as it is. */
export class RecordParser {
  readonly #parsed = new Set<Digest>();

  /** @throws ZodError, SyntaxError */
  parse(previous: Digest, stored: StoredRecord): ReadRecord {
    const computed = headOf(previous, stored.text);
    const value: unknown = JSON.parse(stored.text);
    if (this.#parsed.has(computed)) return { ...stored, computed, record: value as ChainRecord };
    const record = ChainRecordSchema.parse(value);
    if (this.#parsed.size < MAX_PARSED) this.#parsed.add(computed);
    return { ...stored, computed, record };
  }
}

export interface ChainCheck {
  /** What is wrong, in words; empty when nothing is. */
  readonly problems: readonly string[];
  /** As it is stored. */
  readonly manifest: ReadonlyMap<string, ManifestEntry>;
  readonly at: ChainPlace;
}

export interface CheckedChain {
  /** As the job's row says. */
  readonly at: ChainPlace;
  readonly batches: Iterable<readonly ReadRecord[]>;
  readonly manifest: () => ReadonlyMap<string, ManifestEntry>;
}

/** Yields between batches, so that its driver can give others a turn. `visit` gets each sound record once, in order. */
export function* checkChain(
  { at, batches, manifest }: CheckedChain,
  visit: (record: ChainRecord) => void,
): Generator<undefined, ChainCheck> {
  const damaged = (problem: string): ChainCheck => ({ problems: [problem], manifest: new Map(), at });
  let head: Digest = GENESIS;
  let seq = 0;
  const latest = new Map<string, LatestChange>();
  for (const batch of batches) {
    for (const { record, computed, head: stated } of batch) {
      seq += 1;
      if (record.seq !== seq) return damaged(`record ${seq} is missing; the next is ${record.seq}`);
      if (computed !== stated)
        return damaged(`record ${seq} does not match its chain head: it was changed after it was written`);
      head = computed;
      foldChanges(latest, record);
      visit(record);
    }
    yield;
  }
  const stored = manifest();
  const problems =
    at.seq === seq && at.head === head ? [] : [`the job's row names record ${at.seq}, the chain ends at ${seq}`];
  let compared = 0;
  for (const [resource, change] of latest) {
    if (!isSameEntry(stored.get(resource), change))
      problems.push(`the manifest's entry for ${resource} differs from the chain's`);
    if (++compared % BATCH_ENTRIES === 0) yield;
  }
  for (const resource of stored.keys())
    if (!latest.has(resource)) problems.push(`the manifest has ${resource}, which no record put there`);
  return { problems, manifest: stored, at };
}

function isSameEntry(stored: ManifestEntry | undefined, latest: LatestChange): boolean {
  return (
    stored !== undefined &&
    isDeepStrictEqual(stored, manifestEntryOf(latest, hash('sha256', stateText(latest.change.state))))
  );
}
