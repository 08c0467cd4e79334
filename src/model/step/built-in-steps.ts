/**
 * The built-in steps, usable from a plan with no code: their contracts, and what can be told of their effects from
 * their input alone. The code is the worker's.
 */
import * as z from 'zod';
import { JsonSchema } from '../json.ts';
import type { Json } from '../canonical-json.ts';
import { ArgvSchema, commandFields } from './command.ts';
import { DigestSchema } from '../digest.ts';
import { folderOfPattern, isFilePattern } from './file-pattern.ts';
import { HttpRequestSchema } from './http-request.ts';
import type { Claim } from './declared-path.ts';
import { parseClaim } from './declared-path.ts';
import { defineStep, type StepContract } from './step.ts';

export const DEFAULT_MAX_ROWS = 1000;
/** Of a response that the step returns. */
export const MAX_HTTP_STEP_BYTES = 128 * 1024;
export const MAX_WAIT_SECONDS = 31_622_400;

const PathSchema = z.string().min(1).describe('A path in the workspace.');
const DatabaseNameSchema = z.string().min(1).describe("A name under the plan's `databases`.");
const TableSchema = z.string().min(1).describe('A table; with its schema as SCHEMA.TABLE.');
const ParamsSchema = z
  .array(JsonSchema)
  .default([])
  .describe('Values for the placeholders: ? in SQLite, $1 in PostgreSQL. Default: none.');
const WrittenFileSchema = { path: z.string(), sizeBytes: z.int().min(0), digest: DigestSchema };

/** Writes text to a file, as UTF-8. Folders that are missing are created. */
export const fileWriteStep = defineStep({
  name: 'file.write',
  input: z.strictObject({
    path: PathSchema,
    content: z.string().describe('The whole content.'),
    mode: z
      .string()
      .regex(/^0?[0-7]{3}$/, 'permission bits as quoted text, such as "644"')
      .optional()
      .describe('Permission bits in octal, quoted: "644". Default: those of the file that is replaced, else 644.'),
  }),
  output: z.strictObject(WrittenFileSchema),
});

/** Copies a file within the workspace. Sources outside it are not read: nobody could tell later whether they changed. */
export const fileCopyStep = defineStep({
  name: 'file.copy',
  input: z.strictObject({ from: PathSchema, to: PathSchema }),
  output: z.strictObject(WrittenFileSchema),
});

/** Removes a file. One that is not there is no error. */
export const fileRemoveStep = defineStep({
  name: 'file.remove',
  input: z.strictObject({ path: PathSchema }),
  output: z.strictObject({ path: z.string(), existed: z.boolean() }),
});

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

/** What of a command's output is in its step's output: the rest is in the log blob. */
export const MAX_COMMAND_OUTPUT_CHARACTERS = 16_384;

/** Runs a command on a private copy of the workspace; what it changed there is applied as a whole. */
export const commandStep = defineStep({
  name: 'command',
  input: z
    .strictObject({
      run: ArgvSchema.describe('The program and its arguments, as a list; with shell: true one string.'),
      ...commandFields,
      inDoubt: z
        .enum(['ask', 'repeat'])
        .optional()
        .describe('Of a command in place whose end nobody knows. Default: ask.'),
    })
    .superRefine(({ run, shell, inPlace, inDoubt }, context) => {
      if ((typeof run === 'string') !== shell)
        context.addIssue({
          code: 'custom',
          path: ['run'],
          message: shell ? 'is a list, with shell: true' : 'is text, without a shell',
          params: { expected: shell ? 'one string' : 'a list of words, or shell: true' },
        });
      if (inDoubt !== undefined && !inPlace)
        context.addIssue({
          code: 'custom',
          path: ['inDoubt'],
          message: 'means nothing for a command on a copy',
          params: { expected: 'inPlace: true beside it' },
        });
    }),
  output: z.strictObject({
    exitCode: z.int(),
    /** At most 16,384 characters, the last ones. */
    stdout: z.string(),
    stderr: z.string(),
    /** The blob that holds its output. */
    log: DigestSchema,
    written: z.int(),
    removed: z.int(),
  }),
});

/** Makes an HTTP request; the plan's `http.hosts` must name its host. A POST, PUT, PATCH or DELETE takes effect once, or a person is asked. */
export const httpStep = defineStep({
  name: 'http',
  // What is not saved to a file goes into the history.
  input: HttpRequestSchema.superRefine(({ saveTo, maxBytes = 0 }, context) => {
    if (saveTo === undefined && maxBytes > MAX_HTTP_STEP_BYTES)
      context.addIssue({
        code: 'custom',
        path: ['maxBytes'],
        message: `is at most ${MAX_HTTP_STEP_BYTES} without saveTo`,
      });
  }),
  output: z.strictObject({
    status: z.int(),
    /** The one that answered, after redirects. */
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    /** Parsed where it is JSON, else text; null where there is none, and with `saveTo`. */
    body: JsonSchema,
    /** With `saveTo`. */
    path: z.string().optional(),
    sizeBytes: z.int().min(0).optional(),
    digest: DigestSchema.optional(),
  }),
});

/** Waits: a timer of the Workflow, which costs nothing and outlives every worker. */
export const waitStep = defineStep({
  name: 'wait',
  input: z
    .strictObject({
      seconds: z.number().min(0).max(MAX_WAIT_SECONDS).optional(),
      until: z.iso
        .datetime({ offset: true, error: 'a time with its zone, such as 2030-01-31T08:00:00Z' })
        .optional()
        .describe('A moment; one that has passed is no wait.'),
    })
    .superRefine((wait, context) => {
      const given = Object.keys(wait);
      if (given.length !== 1)
        context.addIssue({
          code: 'custom',
          message: 'must say how long',
          params: { expected: 'either seconds or until', found: given.length === 0 ? 'neither' : 'both' },
        });
    }),
  output: z.strictObject({}),
});

export const BUILT_IN_STEPS = [
  fileWriteStep,
  fileCopyStep,
  fileRemoveStep,
  dbSqlStep,
  dbUpsertStep,
  dbQueryStep,
  httpStep,
  commandStep,
  waitStep,
] as const satisfies readonly StepContract[];

/**
 * What a built-in step's input says about what it writes. Parts that cannot be told (they hold references, or are not
 * valid) are left out. Rows that are upserted do not claim the whole table: two steps may each upsert their own.
 */
export function builtInWrites(use: string, input: Json): readonly Claim[] {
  const text = (name: string): string | undefined => literalText(member(input, name));
  switch (use) {
    case 'file.write':
    case 'file.remove':
      return fileClaim(text('path'));
    case 'file.copy':
      return fileClaim(text('to'));
    case 'command':
      return member(input, 'inPlace') === true ? [WHOLE_WORKSPACE] : [];
    case 'http':
      return fileClaim(text('saveTo'));
    case 'db.upsert':
      return tableClaim(text('database'), text('table'), false);
    case 'db.sql': {
      const tables = member(input, 'writes');
      return Array.isArray(tables)
        ? tables.flatMap((table: Json) => tableClaim(text('database'), literalText(table), true))
        : [];
    }
    default:
      return [];
  }
}

/** What a built-in step's input says about what it reads. */
export function builtInReads(use: string, input: Json): readonly Claim[] {
  if (use === 'command') return commandReads(member(input, 'paths'));
  return use === 'file.copy' ? fileClaim(literalText(member(input, 'from'))) : [];
}

const WHOLE_WORKSPACE: Claim = { kind: 'folder', resource: 'file:', whole: true };

/** A command may read whatever it is given. */
function commandReads(paths: Json | undefined): readonly Claim[] {
  if (!Array.isArray(paths)) return [WHOLE_WORKSPACE];
  return paths.flatMap((path: Json) => {
    const text = literalText(path);
    if (text === undefined) return [];
    if (!isFilePattern(text)) return fileClaim(text);
    const folder = folderOfPattern(text);
    return folder === ''
      ? [WHOLE_WORKSPACE]
      : [{ kind: 'folder', resource: `file:${folder}/`, whole: true } satisfies Claim];
  });
}

/** Paths in a built-in step's input, by field. */
export function builtInPaths(use: string, input: Json): readonly { readonly field: string; readonly path: string }[] {
  const fields =
    use === 'file.copy'
      ? ['from', 'to']
      : use === 'file.write' || use === 'file.remove'
        ? ['path']
        : use === 'http'
          ? ['saveTo']
          : [];
  return fields.flatMap((field) => {
    const path = literalText(member(input, field));
    return path === undefined ? [] : [{ field, path }];
  });
}

/** The database that a built-in step names, unless by reference. */
export function builtInDatabase(use: string, input: Json): string | undefined {
  return use.startsWith('db.') ? literalText(member(input, 'database')) : undefined;
}

/** The URL that a built-in step calls, unless by reference. */
export function builtInUrl(use: string, input: Json): string | undefined {
  return use === 'http' ? literalText(member(input, 'url')) : undefined;
}

function fileClaim(path: string | undefined): readonly Claim[] {
  const claim = path === undefined ? undefined : parseClaim(`file:${path.replace(/\/+$/, '')}`);
  return claim?.ok === true ? [claim.value] : [];
}

function tableClaim(database: string | undefined, table: string | undefined, whole: boolean): readonly Claim[] {
  const claim = database === undefined || table === undefined ? undefined : parseClaim(`table:${database}/${table}`);
  return claim?.ok === true ? [{ ...claim.value, whole }] : [];
}

function member(input: Json, name: string): Json | undefined {
  return typeof input === 'object' && input !== null && Object.hasOwn(input, name)
    ? (input as { readonly [key: string]: Json })[name]
    : undefined;
}

function literalText(value: Json | undefined): string | undefined {
  return typeof value === 'string' && !value.includes('${{') ? value : undefined;
}
