/** Whether what the step read is as it was when its intent was sealed. Checked until the intent is `applying`. */
import { sameState, type ResourceState, type SchemaState } from '../../model/record/world.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { QueryObservation } from '../../model/record/observation.ts';
import type { QueryOptions, RowReader } from '../../effects/database/database.ts';
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import { parseResource } from '../../model/record/resource.ts';
import { listingDigest, rowsDigest } from '../look/digests.ts';
import { databaseNames, type Application, type OpenTransaction } from './application.ts';
import type { ApplyObstacle } from './apply-outcome.ts';

/** Files, folders, and databases that the step only read: those have no transaction. */
export async function checkReads(application: Application): Promise<ApplyObstacle | undefined> {
  return (await checkFileReads(application)) ?? (await checkDatabaseReads(application));
}

/** The tables of a database that the step observed, as its transaction finds them. */
export interface FoundTable {
  readonly resource: string;
  readonly table: string;
  readonly sealed: ResourceState;
  readonly found: SchemaState;
}

/** Sends all before the first answers. */
export function readTables(intent: Intent, name: string, transaction: RowReader): Promise<FoundTable>[] {
  return schemasRead(intent, (database) => database === name).map(async ({ resource, table, state }) => ({
    resource,
    table,
    sealed: state,
    found: await transaction.schema(table),
  }));
}

/** Schemas and queries of a database that the step writes: in its transaction, before it changes anything. */
export async function checkReadsInside(
  intent: Intent,
  { database, transaction }: OpenTransaction,
  tables: readonly FoundTable[],
): Promise<ApplyObstacle | undefined> {
  for (const { resource, sealed, found } of tables) if (!sameState(found, sealed)) return { kind: 'stale', resource };
  for (const query of intent.queries) {
    if (query.database !== database.name) continue;
    const { rows } = await transaction.query(query.sql, query.params, boundOf(query));
    if (rowsDigest(rows) !== query.rows) return staleQuery(query);
  }
  return undefined;
}

/**
 * What is half applied goes on in the tables that it was sealed for, whatever their names lead to now.
 * @throws HoldfastError `unknown-table`
 */
export function mustBeSealedTables(intent: Intent, database: string, tables: readonly FoundTable[]): undefined {
  for (const { table, sealed, found } of tables) {
    if (sealed.kind !== 'schema' || sealed.table === undefined) continue;
    const now = found.kind === 'schema' ? found.table : undefined;
    if (now?.id === sealed.table.id) continue;
    const leads = now === undefined ? 'to no table now' : `to ${now.name} (object id ${now.id}) now`;
    throw new HoldfastError(
      'unknown-table',
      `Table ${table} of database ${database} leads ${leads}. ` +
        `Expected ${sealed.table.name} (object id ${sealed.table.id}), for which step ${intent.stepId} was sealed.`,
      { database, table },
    );
  }
  return undefined;
}

async function checkFileReads({ job, intent, files }: Application): Promise<ApplyObstacle | undefined> {
  const { workspace } = job;
  for (const { resource, state } of intent.observations) {
    if (!resource.startsWith('file:')) continue;
    const path = resource.slice('file:'.length);
    const found = await workspace.files.stateNow(path, files.seen.get(path));
    if (!sameState(found, state)) return { kind: 'stale', resource };
  }
  for (const { folder, recursive, entries } of intent.listings) {
    if (listingDigest(await workspace.files.list(folder, recursive)) !== entries)
      return { kind: 'stale', resource: `folder ${folder === '' ? '.' : folder}` };
  }
  return undefined;
}

async function checkDatabaseReads({ job, intent }: Application): Promise<ApplyObstacle | undefined> {
  const { workspace, settings } = job;
  const written = new Set(databaseNames(intent));
  for (const query of intent.queries) {
    if (written.has(query.database)) continue;
    const database = await workspace.database(query.database, settings);
    const { rows } = await database.query(query.sql, query.params, boundOf(query));
    if (rowsDigest(rows) !== query.rows) return staleQuery(query);
  }
  for (const { resource, database: name, table, state } of schemasRead(intent, (name) => !written.has(name))) {
    const database = await workspace.database(name, settings);
    if (!sameState(await database.schema(table), state)) return { kind: 'stale', resource };
  }
  return undefined;
}

interface SchemaRead {
  readonly resource: string;
  readonly database: string;
  readonly table: string;
  readonly state: ResourceState;
}

function schemasRead({ observations }: Intent, isWanted: (database: string) => boolean): SchemaRead[] {
  return observations.flatMap(({ resource, state }) => {
    if (!resource.startsWith('schema:')) return [];
    const parsed = parseResource(resource);
    if (parsed.kind !== 'schema' || !isWanted(parsed.database)) return [];
    return [{ resource, database: parsed.database, table: parsed.table, state }];
  });
}

function boundOf({ maxRows }: QueryObservation): Pick<QueryOptions, 'maxRows'> {
  return defined({ maxRows });
}

function staleQuery({ database, sql }: QueryObservation): ApplyObstacle {
  return { kind: 'stale', resource: `query:${database}: ${sql.slice(0, 100)}` };
}
