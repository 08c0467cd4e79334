/**
 * Under which job and token a record is filed. A fork begins with another job's records, word for word; they are filed
 * as the fork's own requests name them, so that what is done answers.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Digest } from '../../model/digest.ts';
import type { ChainRecord, StepRecord } from '../../model/record/record.ts';
import { tokenOf } from '../../model/record/token.ts';
import type { NamedRow } from '../sqlite-store.ts';
import { Columns } from './columns.ts';

const COLUMNS = new Columns('record');

/** The record as the ledger of this job files it; its text stays as it is. */
export function filedUnder(record: ChainRecord, jobId: string): ChainRecord {
  if (record.jobId === jobId) return record;
  return record.kind === 'step' ? { ...record, jobId, token: tokenFiledUnder(record, jobId) } : { ...record, jobId };
}

/** What a record's row is found by. */
export interface Filing {
  readonly kind: string;
  readonly token: Digest | null;
  readonly stepId: string | null;
  readonly generation: number | null;
  readonly runId: string;
}

export function filingOf(record: ChainRecord): Filing {
  const { kind, runId } = record;
  const step = kind === 'step' || kind === 'undone' ? record : undefined;
  return {
    kind,
    runId,
    token: kind === 'checkpoint' ? record.digest : (step?.token ?? null),
    stepId: step?.stepId ?? null,
    generation: step?.generation ?? null,
  };
}

export function readFiling(row: NamedRow): Filing {
  return {
    kind: COLUMNS.text(row, 'kind'),
    runId: COLUMNS.text(row, 'run_id'),
    token: COLUMNS.textOrNull(row, 'token'),
    stepId: COLUMNS.textOrNull(row, 'step_id'),
    generation: row['generation'] === null ? null : COLUMNS.integer(row, 'generation'),
  };
}

/** Is a record found in the ledger of this job by what it is? */
export function isFiledRight(record: ChainRecord, { token, ...filed }: Filing, jobId: string): boolean {
  const { token: own, ...wanted } = filingOf(record);
  if (!isDeepStrictEqual(filed, wanted)) return false;
  // Of a fork that has not begun they are filed as the other job did them.
  return token === own || (record.kind === 'step' && token === tokenFiledUnder(record, jobId));
}

/** Of a step that another job had done before this one was forked from it: as this one requests it. */
export function tokenFiledUnder({ jobId: doer, stepId, generation, token }: StepRecord, jobId: string): Digest {
  return doer === jobId ? token : tokenOf({ jobId, stepId, generation });
}
