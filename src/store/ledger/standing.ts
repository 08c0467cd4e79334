/** What a sub-step asks before it begins, in one statement: of thousands each asks it. */
import type { Digest } from '../../model/digest.ts';
import { Columns } from './columns.ts';
import type { LedgerFile } from './file.ts';

const COLUMNS = new Columns('job');

export interface Standing {
  /** How many records the chain has. */
  readonly seq: number;
  /** Is there a step's record, a claim or an intent of the token? */
  readonly isKnown: boolean;
}

/** Undefined: the ledger does not know the job. */
export function standingOf(file: LedgerFile, jobId: string, token: Digest): Standing | undefined {
  const row = file.get(
    `SELECT seq, EXISTS (SELECT 1 FROM record WHERE token = ?2 AND kind = 'step')
       OR EXISTS (SELECT 1 FROM claim WHERE token = ?2)
       OR EXISTS (SELECT 1 FROM intent WHERE token = ?2) AS known
     FROM job WHERE job_id = ?1`,
    jobId,
    token,
  );
  return row && { seq: COLUMNS.integer(row, 'seq'), isKnown: COLUMNS.integer(row, 'known') === 1 };
}
