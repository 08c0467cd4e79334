/** Looks at what a job has in one database: its identity, schemas, rows and token rows. */
import type { Database } from '../../effects/database/database.ts';
import { ABSENT, type Sighting } from '../../model/record/world.ts';
import type { DatabaseResource, LookPlace, LookRequest, ParsedRequest } from './request.ts';
import { seen, unseen } from './sighting.ts';

type Sightings = Map<string, Sighting>;
type Group = readonly ParsedRequest<DatabaseResource>[];

export async function lookInDatabase(
  { workspace, settings }: Pick<LookPlace, 'workspace' | 'settings'>,
  name: string,
  group: Group,
  sightings: Sightings,
): Promise<void> {
  try {
    const database = await workspace.database(name, settings);
    await lookAtTables(database, group, sightings);
    await lookAtRows(database, group, sightings);
    await lookAtTokens(database, group, sightings);
  } catch (error) {
    // One answer for all of it: nothing can be said of any resource there.
    const sighting = unseen(error);
    if (sighting.outcome === 'unreachable') await workspace.forget(name);
    for (const { request } of group) sightings.set(request.resource, sighting);
  }
}

async function lookAtTables(database: Database, group: Group, sightings: Sightings): Promise<void> {
  for (const { request, resource } of group) {
    if (resource.kind === 'schema')
      sightings.set(request.resource, await lookAtTable(database, resource.table, request));
    if (resource.kind === 'database') sightings.set(request.resource, seen(await database.identity()));
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

async function lookAtRows(database: Database, group: Group, sightings: Sightings): Promise<void> {
  const rows = group.flatMap(({ request, resource }) => {
    if (resource.kind !== 'row') return [];
    const { table, key } = resource;
    return [{ uri: request.resource, query: { table, key, columns: coveredColumns(request, key) } }];
  });
  const states = await database.rows(rows.map(({ query }) => query));
  rows.forEach(({ uri }, index) => sightings.set(uri, seen(states[index]!)));
}

function coveredColumns({ recorded }: LookRequest, key: object): readonly string[] {
  return Object.keys(recorded?.kind === 'row' ? recorded.columns : key);
}

async function lookAtTokens(database: Database, group: Group, sightings: Sightings): Promise<void> {
  const tokens = group.flatMap(({ request, resource }) =>
    resource.kind === 'token' ? [{ uri: request.resource, token: resource.token }] : [],
  );
  const rows = await database.tokens(tokens.map(({ token }) => token));
  for (const { uri, token } of tokens) sightings.set(uri, seen(rows.get(token) ?? ABSENT));
}
