/** The code of the built-in steps. They use the same context as anyone's: there is no second way. */
import { commandStep, MAX_COMMAND_OUTPUT_CHARACTERS } from '../model/step/built-in/command.ts';
import { dbQueryStep, dbSqlStep, dbUpsertStep } from '../model/step/built-in/database.ts';
import { fileCopyStep, fileRemoveStep, fileWriteStep } from '../model/step/built-in/file.ts';
import { httpStep, MAX_HTTP_STEP_BYTES } from '../model/step/built-in/http.ts';
import type { Json, JsonObject } from '../model/canonical-json.ts';
import { HoldfastError } from '../model/failure.ts';
import { implementStep, type StepImplementation } from '../model/step/step.ts';
import { createHash } from 'node:crypto';

async function* counted(
  content: AsyncIterable<Uint8Array>,
  tally: { sizeBytes: number; hash: ReturnType<typeof createHash> },
): AsyncIterable<Uint8Array> {
  for await (const chunk of content) {
    tally.sizeBytes += chunk.length;
    tally.hash.update(chunk);
    yield chunk;
  }
}

const fileWrite = implementStep(fileWriteStep, async (ctx, { path, content, mode }) => {
  const bytes = new TextEncoder().encode(content);
  await ctx.files.write(path, bytes, mode === undefined ? {} : { mode: Number.parseInt(mode, 8) });
  return { path, sizeBytes: bytes.length, digest: createHash('sha256').update(bytes).digest('hex') };
});

const fileCopy = implementStep(fileCopyStep, async (ctx, { from, to }) => {
  const tally = { sizeBytes: 0, hash: createHash('sha256') };
  await ctx.files.write(to, counted(ctx.files.stream(from), tally));
  return { path: to, sizeBytes: tally.sizeBytes, digest: tally.hash.digest('hex') };
});

const fileRemove = implementStep(fileRemoveStep, async (ctx, { path }) => {
  const existed = await ctx.files.exists(path);
  await ctx.files.remove(path);
  return { path, existed };
});

const dbSql = implementStep(dbSqlStep, async (ctx, { database, sql, params, writes, undo }) => {
  await ctx
    .db(database)
    .sql(sql, params, { writes, ...(undo === undefined ? {} : { undo: { text: undo.sql, params: undo.params } }) });
  return {};
});

const dbUpsert = implementStep(dbUpsertStep, async (ctx, { database, table, rows, columns }) => {
  await ctx.db(database).upsert(table, rows as readonly JsonObject[], columns === undefined ? {} : { columns });
  return { rowCount: rows.length };
});

const dbQuery = implementStep(dbQueryStep, async (ctx, { database, sql, params, maxRows }) => {
  const rows = await ctx.db(database).query(sql, params);
  if (rows.length > maxRows)
    throw new HoldfastError(
      'too-large',
      `The query returned ${rows.length} rows; this step takes at most ${maxRows} (maxRows). Narrow the query.`,
      { rows: rows.length },
    );
  return { rows: rows as unknown as JsonObject[] };
});

const command = implementStep(
  commandStep,
  async (ctx, { run, inDoubt, timeoutMs, maxOutputBytes, paths, ...options }) => {
    const given = {
      ...options,
      ...(inDoubt === undefined ? {} : { inDoubt }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(maxOutputBytes === undefined ? {} : { maxOutputBytes }),
      ...(paths === undefined ? {} : { paths }),
    };
    const { exitCode, stdout, stderr, log, changed } = await ctx.command(run, given);
    return {
      exitCode,
      stdout: endOf(stdout),
      stderr: endOf(stderr),
      log: log.content,
      written: changed.written + changed.links + changed.folders,
      removed: changed.removed,
    };
  },
);

function endOf(text: string): string {
  return text.length <= MAX_COMMAND_OUTPUT_CHARACTERS ? text : `…${text.slice(1 - MAX_COMMAND_OUTPUT_CHARACTERS)}`;
}

/** What is not JSON although it says so is text all the same. */
function bodyOf(text: string, contentType: string | undefined): Json {
  if (text === '') return null;
  if (contentType === undefined || !/^[^;]*[/+]json\s*(;|$)/i.test(contentType)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

const http = implementStep(httpStep, async (ctx, request) => {
  const { status, url, headers, text, saved } = await ctx.http(
    'request',
    request.saveTo === undefined ? { maxBytes: MAX_HTTP_STEP_BYTES, ...request } : request,
  );
  const file =
    saved === undefined || request.saveTo === undefined
      ? {}
      : { path: request.saveTo, sizeBytes: saved.sizeBytes, digest: saved.digest };
  return { status, url, headers: { ...headers }, body: bodyOf(text, headers['content-type']), ...file };
});

export const BUILT_IN_IMPLEMENTATIONS: readonly StepImplementation[] = [
  fileWrite,
  fileCopy,
  fileRemove,
  dbSql,
  dbUpsert,
  dbQuery,
  http,
  command,
] as unknown as readonly StepImplementation[];
