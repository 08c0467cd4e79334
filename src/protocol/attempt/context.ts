/**
 * The context that a step's code is given: it stages into a `Stage` and reads through the record's eyes.
 */
import { canonicalJson, type Json, type JsonObject } from '../../model/canonical-json.ts';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { FileSighting } from '../../effects/files/index.ts';
import type { FileContent, FileInfo, StepFiles } from '../../model/step/step-files.ts';
import type { RowOptions, StepDatabase } from '../../model/step/step-database.ts';
import type { StepContext } from '../../model/step/step-context.ts';
import type { FileState, TableSchemaState } from '../../model/record/world.ts';
import { isSameTable } from '../../effects/database/query-builder.ts';
import { plainValue } from '../../effects/database/values.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import { cannotRead } from '../workspace/files.ts';
import type { Attempt } from './attempt.ts';
import { command } from './commands/command.ts';
import { http } from './calls/http.ts';
import { perform } from './calls/perform.ts';
import { keyOf } from './row-key.ts';
import { rowsDigest, listingDigest } from '../look/digests.ts';

export const MAX_READ_BYTES = 256 * 1024 * 1024;
export const MAX_ONCE_BYTES = 16 * 1024 * 1024;
const MAX_LOGS = 200;

export function makeContext(parts: Attempt): StepContext {
  const { claim, stage, caller, signal } = parts;
  const { jobId, stepId, generation, token } = claim.row;
  const { secrets } = parts.workspace;
  return {
    jobId,
    stepId,
    generation,
    token,
    files: stepFiles(parts),
    db: (name) => stepDatabase(parts, name),
    once: (name, fn) => once(parts, name, fn),
    perform: (name, options) => perform(parts, name, options),
    command: (run: string | readonly string[], options) => command(parts, run, options),
    http: (name, options) => http(parts, name, options),
    secret: parts.secret,
    log: (givenMessage, givenFields) => {
      if (givenFields !== undefined) canonicalJson(givenFields, 'fields');
      const message = secrets.redact(givenMessage);
      const fields = secrets.redactJson(givenFields);
      if (stage.logs.length < MAX_LOGS)
        stage.logs.push(
          fields === undefined ? { message: message.slice(0, 2_000) } : { message: message.slice(0, 2_000), fields },
        );
      caller.log(message, { ...fields, stepId });
    },
    progress: (message, fraction) => caller.progress(secrets.redact(message), fraction),
    signal,
    ...(claim.row.rejection === null ? {} : { rejection: claim.row.rejection }),
  };
}

/** Recorded before it is used; on a retry it comes from the record while what was read before is the same. */
async function once<T extends Json>(
  { workspace, claim, stage, signal }: Attempt,
  name: string,
  fn: () => T | Promise<T>,
): Promise<T> {
  // The attempt ends by a call that the code has caught: what is computed now leans on an outcome that nobody knows.
  if (stage.mustEnd !== undefined) throw stage.mustEnd.error;
  if (stage.onceNames.has(name))
    throw new HoldfastError(
      'once-name-twice',
      `ctx.once("${name}"): step ${claim.row.stepId} has used the name before.`,
      { name },
    );
  stage.onceNames.add(name);
  const reads = stage.onceDigest();
  const recorded = await claim.once(name);
  if (recorded !== undefined && recorded.reads === reads) {
    stage.onceUsed.add(name);
    return JSON.parse(recorded.value) as T;
  }
  // What it was computed from has changed: a new draft begins, and the old values stay as evidence. What the code has
  // been given already goes on with it: the next attempt must not be given another.
  if (recorded !== undefined)
    await claim.newDraft(
      [...stage.onceUsed],
      `what step ${claim.row.stepId} read before "${name}" has changed since the value was recorded`,
    );
  signal.throwIfAborted();
  const value = await fn();
  const text = canonicalJson(value, `once("${name}")`);
  workspace.secrets.refuse(name, 'the name of a value of ctx.once');
  workspace.secrets.refuse(text, `the value of ctx.once("${name}")`);
  if (text.length > MAX_ONCE_BYTES)
    throw new HoldfastError(
      'too-large',
      `ctx.once("${name}") returned ${text.length} characters; at most ${MAX_ONCE_BYTES} are recorded.`,
      { name },
    );
  await faultPointAsync('once.before');
  await claim.recordOnce(name, text, reads);
  stage.onceUsed.add(name);
  await faultPointAsync('once.after');
  return JSON.parse(text) as T;
}

function stepFiles(parts: Attempt): StepFiles {
  const { workspace, stage, signal } = parts;

  const look = async (path: string): Promise<FileState> => {
    signal.throwIfAborted();
    const sighting = await workspace.files.observe(path);
    if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
    noteRead(parts, path, sighting);
    return sighting.state;
  };

  const mustBeFile = (path: string, state: FileState): void => {
    if (state.kind === 'file') return;
    throw new HoldfastError(
      state.kind === 'absent' ? 'not-found' : 'bad-input',
      state.kind === 'absent'
        ? `There is no file ${path} in the workspace.`
        : `${path} is a ${state.kind}, not a file.`,
      { path },
    );
  };

  const stream = async function* (given: string): AsyncIterable<Uint8Array> {
    const path = workspace.files.normalise(given);
    const staged = stage.stagedState(path);
    if (staged?.kind === 'file') {
      const small = stage.contents.get(staged.content);
      if (small === undefined) yield* workspace.blobs.stream(staged.content);
      else yield Uint8Array.from(small);
      return;
    }
    const state = staged ?? (await look(path));
    mustBeFile(path, state);
    if (state.kind === 'file') yield* workspace.files.stream(path, state);
  };

  const read = async (path: string): Promise<Uint8Array> => {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of stream(path)) {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_READ_BYTES)
        throw new HoldfastError(
          'too-large',
          `${path} is larger than ${MAX_READ_BYTES} bytes; read it with ctx.files.stream.`,
          { path },
        );
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  };

  return {
    read,
    readText: async (path) => new TextDecoder('utf-8', { fatal: false }).decode(await read(path)),
    stream,
    exists: async (given) => {
      const path = workspace.files.normalise(given);
      return (stage.stagedState(path) ?? (await look(path))).kind !== 'absent';
    },
    write: async (given, content: FileContent, options = {}) => {
      const path = workspace.files.normalise(given);
      signal.throwIfAborted();
      const blob = await keptContent(parts, path, content);
      stage.files.set(path, {
        kind: 'write',
        path,
        content: blob.content,
        sizeBytes: blob.sizeBytes,
        mode: options.mode,
      });
    },
    remove: async (given) => {
      const path = workspace.files.normalise(given);
      await Promise.resolve();
      stage.files.set(path, { kind: 'remove', path });
    },
    list: (folder = '', options = {}) => list(parts, folder, options.recursive === true),
  };
}

/** Before a byte of it is kept it is seen to hold no secret: what a file holds is in the record as it is. */
async function keptContent(
  { workspace: { blobs, secrets }, stage }: Attempt,
  path: string,
  content: FileContent,
): Promise<{ readonly content: Digest; readonly sizeBytes: number }> {
  const where = `the file ${path}`;
  if (!secrets.isEmpty) secrets.refuse(path, 'the name of a file');
  if (secrets.isEmpty || typeof content === 'string' || content instanceof Uint8Array) {
    if (typeof content === 'string' || content instanceof Uint8Array) secrets.refuse(content, where);
    return stage.keep(content) ?? (await blobs.put(content));
  }
  return await blobs.put(secrets.refusing(content, where));
}

async function list(
  { workspace, stage, signal }: Attempt,
  given: string,
  recursive: boolean,
): Promise<readonly FileInfo[]> {
  signal.throwIfAborted();
  const folder = workspace.files.normaliseFolder(given);
  const found = await workspace.files.list(folder, recursive);
  stage.listings.push({ folder, recursive, entries: listingDigest(found) });
  const entries = new Map(found.map((info) => [info.path, info]));
  for (const path of stage.files.keys()) {
    const below = folder === '' ? path : path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : undefined;
    if (below === undefined || (!recursive && below.includes('/'))) continue;
    const state = stage.stagedState(path)!;
    if (state.kind === 'absent') entries.delete(path);
    else entries.set(path, { path, kind: state.kind, sizeBytes: state.kind === 'file' ? state.sizeBytes : 0 });
  }
  return [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A file that is not there is an observation too: the step went on because of it. */
function noteRead({ claim, stage }: Attempt, path: string, sighting: Extract<FileSighting, { outcome: 'seen' }>): void {
  const resource = formatResource({ kind: 'file', path });
  claim.mustBeAsRecorded(resource, sighting.state);
  stage.observe(resource, sighting.state);
  stage.seenFiles.set(path, sighting);
}

function stepDatabase(parts: Attempt, name: string): StepDatabase {
  const { workspace, settings, stage, signal, claim } = parts;
  const url = settings.databases[name];
  if (url === undefined)
    throw new HoldfastError(
      'undeclared-database',
      `The job declares no database "${name}"; it declares ${Object.keys(settings.databases).join(', ') || 'none'}.`,
      { name },
    );

  /** Statements and rows are recorded as they are. Before anything else, so that no message has a part of a secret. */
  const mayHold = (what: string, ...values: readonly unknown[]): void => {
    if (!workspace.secrets.isEmpty)
      workspace.secrets.refuse(canonicalJson(values as Json), `${what} of the database ${name}`);
  };

  /** One table is one resource, however a step spells its name: as it was spelled first. */
  const spelled = (table: string): string => {
    const dialect = dialectOf(url, parts, name);
    return (
      [...stage.tablesOf(name), ...claim.recordedTables(name)].find((known) => isSameTable(dialect, known, table)) ??
      table
    );
  };

  const schemaOf = async (table: string): Promise<TableSchemaState | undefined> => {
    const resource = formatResource({ kind: 'schema', database: name, table });
    const known = stage.observations.get(resource);
    if (known !== undefined) return known.kind === 'schema' ? known : undefined;
    const database = await workspace.database(name, settings);
    const state = await database.schema(table);
    claim.mustBeAsRecorded(resource, state);
    stage.observe(resource, state);
    return state.kind === 'schema' ? state : undefined;
  };

  const stageRows = async (
    kind: 'row.insert' | 'row.upsert',
    givenTable: string,
    given: JsonObject | readonly JsonObject[],
    options: RowOptions = {},
  ): Promise<void> => {
    const table = spelled(givenTable);
    const rows: readonly JsonObject[] = Array.isArray(given) ? (given as readonly JsonObject[]) : [given as JsonObject];
    canonicalJson(rows, 'rows');
    mayHold('a row', rows);
    const schema = await mustExist(table, schemaOf);
    for (const values of rows) {
      const key = keyOf(table, schema.primaryKey, values);
      stage.stageRow({ kind, database: name, table, key, values, columns: covered(key, values, options) });
    }
  };

  return {
    get dialect() {
      return dialectOf(url, parts, name);
    },
    query: async (sql, params = []) => {
      signal.throwIfAborted();
      mayHold('a query', sql, params);
      const database = await workspace.database(name, settings);
      const result = await database.query(sql, params, signal);
      const staged = stage.stagedTables(name);
      const clash = result.tables.find((table) =>
        [...staged].some((other) => isSameTable(database.dialect, other, table)),
      );
      if (clash !== undefined)
        throw new HoldfastError(
          'staged-table-query',
          `The query reads ${clash}, to which this step has staged changes that the database does not have yet.`,
          { table: clash },
        );
      for (const table of result.tables) await schemaOf(spelled(table));
      stage.queries.push({ database: name, sql, params: [...params], rows: rowsDigest(result.rows) });
      return result.rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([column, value]) => [column, plainValue(value as Json)])),
      ) as never;
    },
    insert: (table, rows, options) => stageRows('row.insert', table, rows, options),
    upsert: (table, rows, options) => stageRows('row.upsert', table, rows, options),
    update: async (givenTable, key, values, options = {}) => {
      canonicalJson([key, values], 'update');
      mayHold('a row', key, values);
      const table = spelled(givenTable);
      const schema = await mustExist(table, schemaOf);
      stage.stageRow({
        kind: 'row.update',
        database: name,
        table,
        key: keyOf(table, schema.primaryKey, key),
        values,
        columns: covered(key, values, options),
      });
    },
    delete: async (givenTable, key) => {
      canonicalJson(key, 'key');
      mayHold('a row', key);
      const table = spelled(givenTable);
      const schema = await mustExist(table, schemaOf);
      // All columns: so that an undo can put the row back.
      stage.stageRow({
        kind: 'row.delete',
        database: name,
        table,
        key: keyOf(table, schema.primaryKey, key),
        values: {},
        columns: schema.columns.filter(({ generated }) => generated === null).map((column) => column.name),
      });
    },
    sql: async (text, params, options) => {
      canonicalJson(params, 'params');
      mayHold(
        'a statement',
        text,
        params,
        options.undo === undefined ? [] : [options.undo.text, options.undo.params ?? []],
      );
      if (options.writes.length === 0)
        throw new HoldfastError('bad-input', 'ctx.db().sql needs `writes`: the tables that the statement changes.', {});
      const writes = [...new Set(options.writes.map(spelled))];
      for (const table of writes) await schemaOf(table);
      const undo =
        options.undo === undefined
          ? {}
          : { undo: { text: options.undo.text, params: [...(options.undo.params ?? [])] } };
      stage.stageSql({ kind: 'sql', database: name, text, params: [...params], writes, ...undo });
    },
  };
}

async function mustExist(
  table: string,
  schemaOf: (table: string) => Promise<TableSchemaState | undefined>,
): Promise<TableSchemaState> {
  const schema = await schemaOf(table);
  if (schema === undefined)
    throw new HoldfastError(
      'unknown-table',
      `There is no table ${table}. A table that this step creates can be filled by a later step.`,
      { table },
    );
  return schema;
}

function covered(key: JsonObject, values: JsonObject, options: RowOptions): readonly string[] {
  return [...new Set([...Object.keys(key), ...(options.columns ?? Object.keys(values))])].sort();
}

function dialectOf(url: string, { workspace, settings }: Attempt, name: string): 'sqlite' | 'postgres' {
  return url.startsWith('sqlite:') ? 'sqlite' : workspace.dialectOf(name, settings);
}
