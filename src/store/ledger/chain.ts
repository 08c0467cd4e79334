/**
 * Appending to a job's chain: the record, the end of the chain and the manifest move together.
 *
 * Invariants
 * 1. A record's number is the previous one plus one, and its head follows from the previous head and its text.
 * 2. A planned record is appended only to the end that it was planned for.
 */
import { requestedStepOf } from '../../model/sub-step-id.ts';
import { HoldfastError } from '../../model/failure.ts';
import { invariant } from '../../model/invariant.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { nextHead, recordText } from '../../model/record/chain.ts';
import type { ChainRecord } from '../../model/record/record.ts';
import type { GenerationTable } from './generations.ts';
import type { JobTable } from './jobs.ts';
import type { ManifestTable } from './manifest.ts';
import type { PlacedRecord, RecordTable } from './records.ts';

/** A record that is not in the chain yet, with the place that it will have. */
export interface PlannedRecord extends PlacedRecord {
  readonly text: string;
  /** The end of the chain for which it was planned. */
  readonly after: ChainPlace;
}

/** A record without what the ledger itself supplies. */
export type NewRecord = ChainRecord extends infer R
  ? R extends ChainRecord
    ? Omit<R, 'schemaVersion' | 'seq' | 'jobId' | 'at' | 'runId'>
    : never
  : never;

export interface ChainTables {
  readonly jobs: JobTable;
  readonly records: RecordTable;
  readonly manifest: ManifestTable;
  readonly generations: GenerationTable;
}

/**
 * The record as it will be if it is the next. Writes nothing.
 * @param at ISO time
 */
export function planRecord(
  jobs: JobTable,
  fields: NewRecord,
  { jobId, runId, at }: { readonly jobId: string; readonly runId: string; readonly at: string },
): PlannedRecord {
  const after = jobs.endOf(jobId);
  if (after === undefined)
    throw new HoldfastError('defect', `A record was to be appended for ${jobId}, which has no row in the ledger.`);
  const seq = after.seq + 1;
  const record = { ...fields, schemaVersion: 1, jobId, seq, runId, at } as ChainRecord;
  const text = recordText(record);
  return { record, text, after, at: { seq, head: nextHead(after.head, text) } };
}

/**
 * Appends a planned record in its place, and folds it into the manifest. Call it inside a transaction.
 * @throws HoldfastError `defect` when the chain has another end than the record was planned for
 */
export function appendRecord(tables: ChainTables, { record, text, after, at }: PlannedRecord): PlacedRecord {
  const { jobId } = record;
  invariant(record.seq === at.seq, `record ${record.seq} of ${jobId} states its own place, not ${at.seq}`);
  if (!tables.jobs.advance(jobId, after, at))
    throw new HoldfastError('defect', `Record ${at.seq} of ${jobId} was planned for another end of the chain.`);
  tables.records.add({ record, at }, text);
  // The first generation of a step, and those of its sub-steps, are not issued: nobody could take one twice.
  if (record.kind === 'step' && record.generation > 0 && requestedStepOf(record.stepId) === record.stepId)
    tables.generations.issue(jobId, record.stepId, record.generation);
  tables.manifest.fold(record);
  return { record, at };
}
