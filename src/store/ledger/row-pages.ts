/** The rows of a table a page at a time, for whoever reads many of them and gives others a turn between. */
import { HoldfastError } from '../../model/failure.ts';
import type { NamedRow } from '../sqlite-store.ts';
import type { LedgerFile } from './file.ts';

const PAGE_ROWS = 500;

/** Of a check. `open`: what is not done; it costs as little where a job is long. */
export type RowScope = 'open' | 'all';

export interface RowPages {
  readonly table: string;
  /** What orders the rows: a text (from '' on), or `rowid` (from 0 on). */
  readonly key: string;
  /** Default: every column. */
  readonly columns?: string;
  /** Default: every row. */
  readonly where?: string;
}

/** Of every job. @throws HoldfastError `ledger-damaged` where the rows are in no order: nobody would come to an end */
export function* rowPages(
  file: LedgerFile,
  { table, key, columns = '*', where = 'TRUE' }: RowPages,
): Generator<readonly NamedRow[]> {
  let after: string | number = key === 'rowid' ? 0 : '';
  for (;;) {
    const page = file.all(
      `SELECT ${key} AS place, ${columns} FROM ${table} WHERE ${key} > ? AND (${where}) ORDER BY ${key} LIMIT ?`,
      after,
      PAGE_ROWS,
    );
    if (page.length > 0) yield page;
    if (page.length < PAGE_ROWS) return;
    const last: unknown = page.at(-1)!['place'];
    if ((typeof last !== 'string' && typeof last !== 'number') || last <= after)
      throw new HoldfastError('ledger-damaged', `The rows of the ledger's table ${table} are in no order.`, { table });
    after = last;
  }
}
