/**
 * The table `undo_ruling`: what a person decided about resources that an undoing found otherwise than the step had
 * put them.
 */
import type { Digest } from '../../model/digest.ts';
import { ResourceStateSchema, type ResourceState } from '../../model/record/world.ts';
import type { NamedRow } from '../sqlite-store.ts';
import { Columns } from './columns.ts';
import type { LedgerFile } from './file.ts';

const ANSWERS = ['skip', 'overwrite'] as const;

export interface UndoRuling {
  /** The undoing's. */
  readonly token: Digest;
  readonly jobId: string;
  readonly resource: string;
  readonly answer: (typeof ANSWERS)[number];
  /** What the person saw there. */
  readonly found: ResourceState | null;
  readonly by: string;
  readonly reason: string;
}

const COLUMNS = new Columns('undo_ruling');

export class UndoRulingTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  all(jobId: string): readonly UndoRuling[] {
    return this.#file.all('SELECT * FROM undo_ruling WHERE job_id = ? ORDER BY rowid', jobId).map(read);
  }

  /** The latest ruling on a resource counts. */
  put({ token, resource, jobId, answer, found, by, reason }: UndoRuling): void {
    this.#file.run(
      `INSERT INTO undo_ruling VALUES (?,?,?,?,?,?,?)
       ON CONFLICT (token, resource) DO UPDATE SET answer = excluded.answer, found = excluded.found, by = excluded.by,
         reason = excluded.reason`,
      token,
      resource,
      jobId,
      answer,
      found === null ? null : JSON.stringify(found),
      by,
      reason,
    );
  }
}

function read(row: NamedRow): UndoRuling {
  return {
    jobId: COLUMNS.text(row, 'job_id'),
    token: COLUMNS.text(row, 'token'),
    resource: COLUMNS.text(row, 'resource'),
    answer: COLUMNS.oneOf(row, 'answer', ANSWERS),
    by: COLUMNS.text(row, 'by'),
    reason: COLUMNS.text(row, 'reason'),
    found: row['found'] === null ? null : COLUMNS.parsed(row, 'found', ResourceStateSchema, 'ruling'),
  };
}
