/**
 * The table `record`: the chain's records, as they were appended. Nothing here changes or removes one; a fork's are
 * given to its job.
 *
 * Invariant: no record leaves this module, to whomever, whose text does not lead from the head before it to its own.
 * Only the check of the chain gets them as they are, and says itself what is wrong.
 */
import { SUB_STEP_MARK } from '../../model/sub-step-id.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import {
  ChainRecordSchema,
  type ChainRecord,
  type CheckpointRecord,
  type DecisionRecord,
  type StepRecord,
  type UndoneRecord,
} from '../../model/record/record.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { tokenOf } from '../../model/record/token.ts';
import type { NamedRow } from '../sqlite-store.ts';
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  changedText,
  headOf,
  RecordParser,
  type ReadRecord,
  type StoredRecord,
} from './chain-check.ts';
import { Columns, unreadable } from './columns.ts';
import type { LedgerFile } from './file.ts';
import { filingOf, readFiling, tokenFiledUnder } from './filed-under.ts';

/** A sub-step's record, by what it is filed under. */
export interface RecordedSubStep {
  readonly token: Digest;
  readonly stepId: string;
  readonly generation: number;
}

/** A record and where in the chain it stands. */
export interface PlacedRecord<R extends ChainRecord = ChainRecord> {
  readonly record: R;
  readonly at: ChainPlace;
}

const COLUMNS = new Columns('record');

/** A record with the head before it. */
const SELECT_PROVED = `SELECT r.job_id, r.seq, r.body, r.head, before.head AS previous
  FROM record AS r LEFT JOIN record AS before ON before.job_id = r.job_id AND before.seq = r.seq - 1`;

export class RecordTable {
  readonly #file: LedgerFile;
  readonly #parser = new RecordParser();

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** @param text as it is hashed into the chain */
  add({ record, at }: PlacedRecord, text: string): void {
    const { kind, token, stepId, generation, runId } = filingOf(record);
    this.#file.run(
      'INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      record.jobId,
      at.seq,
      kind,
      token,
      stepId,
      generation,
      runId,
      text,
      at.head,
    );
  }

  /** The chain's head after a record; undefined: there is no such record. */
  headAt(jobId: string, seq: number): Digest | undefined {
    if (seq === 0) return GENESIS;
    const row = this.#file.get('SELECT head FROM record WHERE job_id = ? AND seq = ?', jobId, seq);
    return row === undefined ? undefined : COLUMNS.text(row, 'head');
  }

  step(token: Digest): PlacedRecord<StepRecord> | undefined {
    const found = this.#filedUnder(token, 'step');
    if (found === undefined) return undefined;
    const { record, at } = found;
    if (record.kind !== 'step' || tokenFiledUnder(record, found.jobId) !== token) throw misfiled(record, "a step's");
    return { record, at };
  }

  /** The record of an undoing, by its own token. */
  undone(token: Digest): PlacedRecord<UndoneRecord> | undefined {
    const found = this.#filedUnder(token, 'undone');
    if (found === undefined) return undefined;
    const { record, at } = found;
    if (record.kind !== 'undone' || record.token !== token) throw misfiled(record, "an undoing's");
    return { record, at };
  }

  /** The number of the record of a checkpoint, by its note's digest. */
  checkpointSeq(jobId: string, digest: Digest): number | undefined {
    const row = this.#file.get(
      "SELECT seq FROM record WHERE job_id = ? AND token = ? AND kind = 'checkpoint'",
      jobId,
      digest,
    );
    return row === undefined ? undefined : COLUMNS.integer(row, 'seq');
  }

  latestCheckpoint(jobId: string): CheckpointRecord | undefined {
    const row = this.#file.get(
      `${SELECT_PROVED} WHERE r.job_id = ? AND r.kind = 'checkpoint' ORDER BY r.seq DESC LIMIT 1`,
      jobId,
    );
    const record = row === undefined ? undefined : read(row);
    return record?.kind === 'checkpoint' ? record : undefined;
  }

  /** A job's checkpoints up to a place, in order. */
  checkpoints(jobId: string, upTo: number): readonly CheckpointRecord[] {
    const rows = this.#file.all(
      `${SELECT_PROVED} WHERE r.job_id = ? AND r.kind = 'checkpoint' AND r.seq <= ? ORDER BY r.seq`,
      jobId,
      upTo,
    );
    return rows.map(read).filter((record) => record.kind === 'checkpoint');
  }

  /** Is a step, or an undoing, recorded under this token? */
  has(token: Digest, kind: 'step' | 'undone'): boolean {
    return this.#file.get(`SELECT 1 FROM record WHERE token = ? AND kind = '${kind}'`, token) !== undefined;
  }

  /** Who approved this intent, and what they said; undefined: the chain holds no approval of it. */
  approvalOf(jobId: string, intent: Digest): Pick<DecisionRecord, 'by' | 'reason'> | undefined {
    const row = this.#file.get(
      `${SELECT_PROVED} WHERE r.job_id = ? AND r.kind = 'decision' AND r.body ->> '$.approves' = ? LIMIT 1`,
      jobId,
      intent,
    );
    const record = row === undefined ? undefined : read(row);
    return record?.kind === 'decision' ? { by: record.by, reason: record.reason } : undefined;
  }

  /** The latest record of a step of this id that another job made and has not undone since. Reads the whole table. */
  sameStepOfAnother(jobId: string, stepId: string): StepRecord | undefined {
    const row = this.#file.get(
      `${SELECT_PROVED} WHERE r.kind = 'step' AND r.step_id = ? AND r.job_id <> ? AND NOT EXISTS (
         SELECT 1 FROM record WHERE job_id = r.job_id AND kind = 'undone' AND step_id = r.step_id AND seq > r.seq)
       ORDER BY r.rowid DESC LIMIT 1`,
      stepId,
      jobId,
    );
    const record = row === undefined ? undefined : read(row);
    return record?.kind === 'step' ? record : undefined;
  }

  /** Sub-steps of all generations, in order. It reads the place of each record of the job, and no record. */
  subSteps(jobId: string): readonly RecordedSubStep[] {
    return this.#file
      .all(
        `SELECT token, step_id, generation FROM record
         WHERE job_id = ? AND kind = 'step' AND instr(step_id, ?) > 0 ORDER BY seq`,
        jobId,
        SUB_STEP_MARK,
      )
      .map((row) => ({
        token: COLUMNS.text(row, 'token'),
        stepId: COLUMNS.text(row, 'step_id'),
        generation: COLUMNS.integer(row, 'generation'),
      }));
  }

  /** Steps that decisions after a place in the chain made run again. */
  rerunsSince(jobId: string, seq: number): readonly string[] {
    const rows = this.#file.all(
      `${SELECT_PROVED} WHERE r.job_id = ? AND r.seq > ? AND r.kind = 'decision'`,
      jobId,
      seq,
    );
    const reruns = rows.map(read).flatMap((record) => (record.kind === 'decision' ? record.reruns : []));
    return [...new Set(reruns.map(({ stepId }) => stepId))];
  }

  /** A job's records after a place in its chain, in order. */
  *all(jobId: string, after = 0): Generator<ReadRecord> {
    for (const batch of this.batches(jobId, after)) for (const one of batch) yield proved(one);
  }

  /** The same in batches, as they are: whoever checks the chain says what is wrong with them. */
  *batches(jobId: string, after = 0): Generator<readonly ReadRecord[]> {
    let seq = after;
    let previous = this.headAt(jobId, after) ?? GENESIS;
    for (;;) {
      const batch: ReadRecord[] = [];
      for (const stored of this.#stored(jobId, seq)) {
        batch.push(this.#parse(previous, stored));
        previous = stored.head;
        seq = stored.seq;
      }
      if (batch.length === 0) return;
      yield batch;
    }
  }

  /** Each record after a place, in order; others get a turn between batches. */
  async visit(jobId: string, after: number, visit: (record: ReadRecord) => void): Promise<void> {
    for (const batch of this.batches(jobId, after)) {
      for (const one of batch) visit(proved(one));
      await nextTurn();
    }
  }

  #filedUnder(token: Digest, kind: 'step' | 'undone'): (PlacedRecord & { readonly jobId: string }) | undefined {
    const row = this.#file.get(`${SELECT_PROVED} WHERE r.token = ? AND r.kind = '${kind}'`, token);
    if (row === undefined) return undefined;
    const at = { seq: COLUMNS.integer(row, 'seq'), head: COLUMNS.text(row, 'head') };
    return { record: read(row), at, jobId: COLUMNS.text(row, 'job_id') };
  }

  /**
   * Gives a chain that was made before its job had an id to the job. What another job has done is found under the
   * tokens that the job's own requests have; its texts stay as they are.
   */
  giveTo(jobId: string, from: string): void {
    this.#file.run('UPDATE record SET job_id = ? WHERE job_id = ?', jobId, from);
    const steps = this.#file.all(
      "SELECT seq, step_id, generation FROM record WHERE job_id = ? AND kind = 'step'",
      jobId,
    );
    for (const row of steps) {
      const [stepId, generation] = [COLUMNS.text(row, 'step_id'), COLUMNS.integer(row, 'generation')];
      const token = tokenOf({ jobId, stepId, generation });
      this.#file.run(
        'UPDATE record SET token = ? WHERE job_id = ? AND seq = ?',
        token,
        jobId,
        COLUMNS.integer(row, 'seq'),
      );
    }
  }

  #stored(jobId: string, after: number): readonly StoredRecord[] {
    const batch: StoredRecord[] = [];
    let sizeBytes = 0;
    const rows = this.#file.iterate(
      `SELECT seq, body, head, kind, token, step_id, generation, run_id FROM record
       WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?`,
      jobId,
      after,
      BATCH_RECORDS,
    );
    for (const row of rows) {
      const text = COLUMNS.text(row, 'body');
      batch.push({ seq: COLUMNS.integer(row, 'seq'), text, head: COLUMNS.text(row, 'head'), filing: readFiling(row) });
      sizeBytes += text.length;
      if (sizeBytes > BATCH_BYTES) break;
    }
    return batch;
  }

  #parse(previous: Digest, stored: StoredRecord): ReadRecord {
    try {
      return this.#parser.parse(previous, stored);
    } catch (error) {
      throw unreadable(`record ${stored.seq}`, error);
    }
  }
}

function read(row: NamedRow): ChainRecord {
  const seq = COLUMNS.integer(row, 'seq');
  const previous = seq === 1 ? GENESIS : COLUMNS.text(row, 'previous');
  if (headOf(previous, COLUMNS.text(row, 'body')) !== COLUMNS.text(row, 'head')) throw changed(seq);
  return COLUMNS.parsed(row, 'body', ChainRecordSchema, `record ${seq}`);
}

function proved(one: ReadRecord): ReadRecord {
  if (one.computed !== one.head) throw changed(one.seq);
  return one;
}

function changed(seq: number): HoldfastError {
  return new HoldfastError('ledger-damaged', changedText(seq));
}

function misfiled(record: ChainRecord, whose: string): HoldfastError {
  const text = `Record ${record.seq} is filed under ${whose} token but is a ${record.kind} record.`;
  return new HoldfastError('ledger-damaged', text);
}
