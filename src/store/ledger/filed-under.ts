/**
 * Under which job and token a record is filed. A fork begins with another job's records, word for word; they are filed
 * as the fork's own requests name them, so that what is done answers.
 */
import type { Digest } from '../../model/digest.ts';
import type { ChainRecord, StepRecord } from '../../model/record/record.ts';
import { tokenOf } from '../../model/record/token.ts';

/** The record as the ledger of this job files it; its text stays as it is. */
export function filedUnder(record: ChainRecord, jobId: string): ChainRecord {
  if (record.jobId === jobId) return record;
  return record.kind === 'step' ? { ...record, jobId, token: tokenFiledUnder(record, jobId) } : { ...record, jobId };
}

/** Of a step that another job had done before this one was forked from it: as this one requests it. */
export function tokenFiledUnder({ jobId: doer, stepId, generation, token }: StepRecord, jobId: string): Digest {
  return doer === jobId ? token : tokenOf({ jobId, stepId, generation });
}
