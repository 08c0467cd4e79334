/** What reads through a SQLite connection needs of it. */
import type { Json } from '../../../model/canonical-json.ts';
import type { PlacedRow } from '../../../store/sqlite-store.ts';
import type { TableName } from '../table-name.ts';
import type { TableShape } from '../table-shape.ts';

/** Whole numbers come as bigint. */
export type SqliteRow = PlacedRow;

export interface SqliteReader {
  /** The rows of one of Holdfast's own statements. */
  all(text: string, parameters?: readonly Json[]): readonly SqliteRow[];
  /**
   * Within a transaction nobody else changes a table: what is known of one holds while this is the same. Undefined:
   * outside, where it has to be looked at.
   */
  readonly schemaView?: object | undefined;
}

/** A reader that knows what the tables look like. */
export interface ShapedReader extends SqliteReader {
  /** What there is to know about a table for building statements; undefined if there is none. */
  shape(table: TableName): TableShape | undefined;
}
