/**
 * Recomputes a job's chain from the stored texts of its records, a batch at a time: from its beginning, or on from a
 * head up to which that was done before.
 *
 * Invariants
 * 1. Every text that is read is hashed: a record that was changed is found, however often it was read before.
 * 2. A text is parsed by its schema once a process: one that leads from a head to a head that it led to before is the
 *    text that was parsed then.
 */
import { hash } from 'node:crypto';
import type { Digest } from '../../model/digest.ts';
import { ChainRecordSchema, type ChainRecord } from '../../model/record/record.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { MAX_BYTES_READ_WHOLE } from './checked.ts';
import { isFiledRight, type Filing } from './filed-under.ts';
import type { FoldCheck, FoldCheckResult } from './fold-check.ts';
import type { StoredEntry } from './manifest.ts';

/** A batch ends with whichever comes first. */
export const BATCH_RECORDS = 200;
export const BATCH_BYTES = 4 * 1024 * 1024;
/** Heads that are remembered to spare parsing; beyond that records are parsed again. */
const MAX_PARSED = 200_000;

/** A record as it is stored. `head`: as it is stated beside the record. */
export interface StoredRecord {
  readonly seq: number;
  readonly text: string;
  readonly head: Digest;
  /** What its row is found by. Absent: it is in no ledger. */
  readonly filing?: Filing;
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

export function changedText(seq: number): string {
  return `record ${seq} does not match its chain head: it was changed after it was written`;
}

function misfiledText(seq: number): string {
  return `record ${seq} is not found by what it is: the columns of its row say another step, token or kind`;
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
  /** Of the texts of all records. */
  readonly sizeBytes: number;
  /** For a later check to go on from. Undefined: there is nothing to remember. */
  readonly digests: FoldCheckResult['digests'];
}

export interface CheckedChain {
  readonly jobId: string;
  /** As the job's row says. */
  readonly at: ChainPlace;
  /** What the check goes on from, and the size of all up to there. */
  readonly from: ChainPlace & { readonly sizeBytes: number };
  /** The records after that. */
  readonly batches: Iterable<readonly ReadRecord[]>;
  /** The manifest as it was at that place, and as it must be now. */
  readonly fold: FoldCheck;
  readonly entries: Iterable<readonly StoredEntry[]>;
  /** A later check may go on from this one, if the chain is long enough for that. */
  readonly isKept: boolean;
}

/** Yields between batches, so that its driver can give others a turn. `visit` gets each sound record once, in order. */
export function* checkChain(
  { jobId, at, from, batches, fold, entries, isKept }: CheckedChain,
  visit: (record: ChainRecord) => void,
): Generator<undefined, ChainCheck> {
  let { seq, head, sizeBytes } = from;
  const damaged = (problem: string): ChainCheck => ({
    problems: [problem],
    manifest: new Map(),
    at,
    sizeBytes,
    digests: undefined,
  });
  for (const batch of batches) {
    for (const { record, computed, text, head: stated, filing } of batch) {
      seq += 1;
      if (record.seq !== seq) return damaged(`record ${seq} is missing; the next is ${record.seq}`);
      if (computed !== stated) return damaged(changedText(seq));
      if (filing !== undefined && !isFiledRight(record, filing, jobId)) return damaged(misfiledText(seq));
      head = computed;
      sizeBytes += text.length;
      fold.add(record);
      visit(record);
    }
    yield;
  }
  const { problems, manifest, digests } = yield* fold.compare(entries, isKept && sizeBytes > MAX_BYTES_READ_WHOLE);
  const cut =
    at.seq === seq && at.head === head ? [] : [`the job's row names record ${at.seq}, the chain ends at ${seq}`];
  const isFurther = seq > from.seq;
  return { problems: [...cut, ...problems], manifest, at, sizeBytes, digests: isFurther ? digests : undefined };
}
