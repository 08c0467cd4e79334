/**
 * The table `checked`: up to where a job's record was found sound, and what its manifest was there. It spares a
 * comparison reading what another has read since the host started; nothing else is decided from it.
 *
 * Invariants
 * 1. A head is believed only where nothing speaks against it: the same start of the host, the same file, the same rules
 *    of checking, the chain still has it, and the Workflow has heard of it. Otherwise everything is read.
 * 2. A remembered head says nothing is wrong up to it. It never says that something is: then everything is read, too.
 */
import type { Digest } from '../../model/digest.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { Columns } from './columns.ts';
import type { LedgerFile } from './file.ts';

/** Raise it where a check comes to mean something else: what was remembered before counts for nothing then. */
const RULES = 1;

/** Chains of up to so many bytes are read whole by each comparison: that takes some tenths of a second. */
export const MAX_BYTES_READ_WHOLE = 4 * 1024 * 1024;

export interface CheckedHead {
  readonly at: ChainPlace;
  /** Of the texts of all records up to it. */
  readonly sizeBytes: number;
  /** The Run for which no record up to it was ahead. */
  readonly runId: string;
  /** The start of the host in which it was checked. */
  readonly bootId: string;
  /** Of the whole manifest. */
  readonly manifest: Digest;
  /** Of each entry: see entry-digests.ts. */
  readonly cells: Uint8Array;
}

/** Who asks, and what the Workflow knows. */
export interface CheckedFor {
  readonly runId: string;
  readonly bootId: string;
  /** Where the Run began: it knows everything up to there. */
  readonly base: ChainPlace;
  /** The last record that the Workflow has heard of. */
  readonly known: ChainPlace;
}

const COLUMNS = new Columns('checked');

export class CheckedTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** The head that may be believed, but for whether the chain has it. */
  find(jobId: string, { runId, bootId, base, known }: CheckedFor): CheckedHead | undefined {
    const row = this.#file.get(
      'SELECT * FROM checked WHERE job_id = ? AND rules = ? AND file_id = ? AND boot_id = ?',
      jobId,
      RULES,
      this.#file.id,
      bootId,
    );
    if (row === undefined) return undefined;
    const at = { seq: COLUMNS.integer(row, 'seq'), head: COLUMNS.text(row, 'head') };
    const foundFor = COLUMNS.text(row, 'run_id');
    // Another Run may have forgotten what this one knew; and what its Workflow has not heard of is looked at again.
    if (at.seq > known.seq || (foundFor !== runId && at.seq > base.seq)) return undefined;
    return {
      at,
      sizeBytes: COLUMNS.integer(row, 'size_bytes'),
      runId: foundFor,
      bootId,
      manifest: COLUMNS.text(row, 'manifest'),
      cells: COLUMNS.bytes(row, 'cells'),
    };
  }

  put(jobId: string, { at, sizeBytes, runId, bootId, manifest, cells }: CheckedHead): void {
    this.#file.run(
      'INSERT OR REPLACE INTO checked VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      jobId,
      RULES,
      this.#file.id,
      bootId,
      runId,
      at.seq,
      at.head,
      sizeBytes,
      manifest,
      cells,
    );
  }

  /** Was there anything? */
  remove(jobId: string): boolean {
    return this.#file.run('DELETE FROM checked WHERE job_id = ?', jobId) > 0;
  }
}
