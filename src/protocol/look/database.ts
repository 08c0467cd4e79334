/**
 * Looks at what a job has in one database: its identity, schemas, rows and token rows.
 *
 * Invariant: a row that this role may not see is not gone. "No such row" is believed only where every row can be seen,
 * or where the record knows the table as one that hides rows.
 */
import type { Database, RowRequest } from '../../effects/database/database.ts';
import { strayTableText } from '../../effects/database/holdfast-tables.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, HIDES_ROWS, type RowState, type Sighting } from '../../model/record/world.ts';
import type { DatabaseResource, LookPlace, LookRequest, ParsedRequest } from './request.ts';
import { seen, unseen } from './sighting.ts';

type Sightings = Map<string, Sighting>;
type Group = readonly ParsedRequest<DatabaseResource>[];

interface DatabaseLook {
  readonly database: Database;
  readonly recorded: NonNullable<LookPlace['recorded']>;
  readonly sightings: Sightings;
}

export async function lookInDatabase(
  { workspace, settings, recorded = () => undefined }: Pick<LookPlace, 'workspace' | 'settings' | 'recorded'>,
  name: string,
  group: Group,
  sightings: Sightings,
): Promise<void> {
  try {
    const look = { database: await workspace.database(name, settings), recorded, sightings };
    await lookAtPart(look, group.filter(isTable), lookAtTables);
    await lookAtRows(look, group.filter(isRow));
    await lookAtPart(look, group.filter(isToken), lookAtTokens);
  } catch (error) {
    // One answer for all of it: nothing can be said of any resource there.
    const sighting = unseen(error);
    if (sighting.outcome === 'unreachable') await workspace.forget(name);
    for (const { request } of group) sightings.set(request.resource, sighting);
  }
}

/** What may not be read takes nothing with it that may. @throws HoldfastError where the database is out of reach */
async function lookAtPart<R extends DatabaseResource>(
  look: DatabaseLook,
  part: readonly ParsedRequest<R>[],
  lookAt: (look: DatabaseLook, part: readonly ParsedRequest<R>[]) => Promise<void>,
): Promise<boolean> {
  try {
    await lookAt(look, part);
    return true;
  } catch (error) {
    const sighting = unseen(error);
    if (sighting.outcome === 'unreachable') throw error;
    for (const { request } of part) look.sightings.set(request.resource, sighting);
    return false;
  }
}

type TableResource = Extract<DatabaseResource, { kind: 'schema' | 'database' }>;
type RowResource = Extract<DatabaseResource, { kind: 'row' }>;
type TokenResource = Extract<DatabaseResource, { kind: 'token' }>;

function isTable(one: ParsedRequest<DatabaseResource>): one is ParsedRequest<TableResource> {
  return one.resource.kind === 'schema' || one.resource.kind === 'database';
}

function isRow(one: ParsedRequest<DatabaseResource>): one is ParsedRequest<RowResource> {
  return one.resource.kind === 'row';
}

function isToken(one: ParsedRequest<DatabaseResource>): one is ParsedRequest<TokenResource> {
  return one.resource.kind === 'token';
}

async function lookAtTables(
  { database, sightings }: DatabaseLook,
  part: readonly ParsedRequest<TableResource>[],
): Promise<void> {
  for (const { request, resource } of part) {
    const sighting =
      resource.kind === 'database'
        ? seen(await database.identity())
        : await lookAtTable(database, resource.table, request);
    sightings.set(request.resource, sighting);
  }
}

/** A table in a schema that the role may not use can't be found by its name: that is no sign that it is gone. */
async function lookAtTable(database: Database, table: string, { recorded }: LookRequest): Promise<Sighting> {
  const state = await database.schema(table);
  const known = state.kind === 'absent' && recorded?.kind === 'schema' ? recorded.table : undefined;
  const place = known === undefined ? undefined : await database.locate(known);
  if (place === undefined || place.isUsable) return seen(state);
  return { outcome: 'unreadable', reason: `${place.name} is there, and this role may not use its schema` };
}

/** All at once; where that is denied, table by table. */
async function lookAtRows(look: DatabaseLook, rows: readonly ParsedRequest<RowResource>[]): Promise<void> {
  if (await lookAtPart(look, rows, readRows)) return;
  for (const ofTable of Map.groupBy(rows, ({ resource }) => resource.table).values())
    await lookAtPart(look, ofTable, readRows);
}

async function readRows(look: DatabaseLook, rows: readonly ParsedRequest<RowResource>[]): Promise<void> {
  const states = await look.database.rows(rows.map(queryOf));
  const missing = rows.filter(({ request }, place) => isMissing(request, states[place]!));
  const unseenIn = await unseenTables(look, new Set(missing.map(({ resource }) => resource.table)));
  rows.forEach(({ request, resource }, place) => {
    const unseenTable = isMissing(request, states[place]!) ? unseenIn.get(resource.table) : undefined;
    look.sightings.set(request.resource, unseenTable ?? seen(states[place]!));
  });
}

function queryOf({ request: { recorded }, resource: { table, key } }: ParsedRequest<RowResource>): RowRequest {
  return { table, key, columns: Object.keys(recorded?.kind === 'row' ? recorded.columns : key) };
}

function isMissing({ recorded }: LookRequest, state: RowState): boolean {
  return state.kind === 'absent' && recorded?.kind === 'row';
}

/** Of tables of which rows were not found: those where that does not say that the rows are gone. */
async function unseenTables(look: DatabaseLook, tables: ReadonlySet<string>): Promise<ReadonlyMap<string, Sighting>> {
  const found = new Map<string, Sighting>();
  if (tables.size === 0) return found;
  const hiding = await look.database.hiding([...tables]);
  for (const table of tables) {
    const resource = formatResource({ kind: 'schema', database: look.database.name, table });
    const recorded = look.recorded(resource);
    const isKnown = recorded?.kind === 'schema' && recorded.behaviour?.includes(HIDES_ROWS) === true;
    const sighting = await lookAtTable(look.database, table, { resource, recorded });
    if (sighting.outcome === 'unreadable') found.set(table, sighting);
    else if (hiding.has(table) && !isKnown) found.set(table, hidden(table));
  }
  return found;
}

function hidden(table: string): Sighting {
  return {
    outcome: 'unreadable',
    reason: `${table} may hide rows from this role (row level security, or a view): gone or hidden cannot be told`,
  };
}

async function lookAtTokens(
  { database, sightings }: DatabaseLook,
  part: readonly ParsedRequest<TokenResource>[],
): Promise<void> {
  const rows = await database.tokens(part.map(({ resource }) => resource.token));
  const isGone = ({ resource }: ParsedRequest<TokenResource>): boolean => rows.get(resource.token)?.kind !== 'token';
  const stray = part.some(isGone) ? await database.strayFenceTable() : undefined;
  for (const one of part) {
    const state = rows.get(one.resource.token) ?? ABSENT;
    const isUnseen = stray !== undefined && isGone(one);
    const sighting: Sighting = isUnseen ? { outcome: 'unreadable', reason: strayTableText(stray) } : seen(state);
    sightings.set(one.request.resource, sighting);
  }
}
