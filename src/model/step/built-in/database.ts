/** The built-in steps `db.sql`, `db.upsert` and `db.query`: their contracts. */
import * as z from 'zod';
import { JsonSchema } from '../../json.ts';
import { defineStep } from '../step.ts';

export const DEFAULT_MAX_ROWS = 1000;

const DatabaseNameSchema = z.string().min(1).describe("A name under the plan's `databases`.");
const TableSchema = z.string().min(1).describe('A table; with its schema as SCHEMA.TABLE.');
const ParamsSchema = z
  .array(JsonSchema)
  .default([])
  .describe('Values for the placeholders: ? in SQLite, $1 in PostgreSQL. Default: none.');

/** Runs one statement that changes a database. */
export const dbSqlStep = defineStep({
  name: 'db.sql',
  input: z.strictObject({
    database: DatabaseNameSchema,
    sql: z.string().min(1),
    params: ParamsSchema,
    writes: z.array(TableSchema).min(1).describe('Every table that the statement changes.'),
    undo: z
      .strictObject({ sql: z.string().min(1), params: ParamsSchema })
      .optional()
      .describe('The statement that takes it back. Default: it cannot be undone.'),
  }),
  output: z.strictObject({}),
});

/** Inserts rows, or updates those whose primary key exists. */
export const dbUpsertStep = defineStep({
  name: 'db.upsert',
  input: z.strictObject({
    database: DatabaseNameSchema,
    table: TableSchema,
    rows: z.array(z.record(z.string(), JsonSchema)).describe('Each with the columns of the primary key.'),
    columns: z
      .array(z.string())
      .min(1)
      .optional()
      .describe("Columns that the record covers; others' changes to the rest are no drift. Default: those written."),
  }),
  output: z.strictObject({ rowCount: z.int().min(0) }),
});

/** Reads rows. */
export const dbQueryStep = defineStep({
  name: 'db.query',
  input: z.strictObject({
    database: DatabaseNameSchema,
    sql: z.string().min(1),
    params: ParamsSchema,
    maxRows: z
      .int()
      .min(1)
      .max(100_000)
      .default(DEFAULT_MAX_ROWS)
      .describe('More rows than this are an error, never cut off. Default: 1000.'),
  }),
  output: z.strictObject({ rows: z.array(z.record(z.string(), JsonSchema)) }),
});
