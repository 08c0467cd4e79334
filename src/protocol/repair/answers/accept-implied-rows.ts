/**
 * Rows that lost columns with their table's schema, or that are gone with their table: the finding about the schema
 * implies them, so that they are accepted with it.
 */
import { invariant } from '../../../model/invariant.ts';
import { formatResource, parseResource } from '../../../model/record/resource.ts';
import { sameState, type ResourceState } from '../../../model/record/world.ts';
import { isWithoutLostColumns } from '../../compare/lost-columns.ts';
import { lookAt } from '../../look/look.ts';
import type { RunningRepair } from '../running/running-repair.ts';

export async function acceptImpliedRows(repair: RunningRepair, schemaUri: string): Promise<void> {
  const { context } = repair;
  const prefix = rowPrefixOf(schemaUri);
  const entries = [...context.ledger.manifest(context.jobId).values()].filter(({ resource }) =>
    resource.startsWith(prefix),
  );
  const sightings = await lookAt(
    context,
    entries.map(({ resource, state }) => ({ resource, recorded: state })),
  );
  for (const { resource, state } of entries) {
    const sighting = sightings.get(resource);
    if (sighting?.outcome === 'seen' && isImplied(state, sighting.state))
      repair.change('accepted', resource, sighting.state);
  }
}

/** How the URIs of all rows of a schema's table begin. */
function rowPrefixOf(schemaUri: string): string {
  const schema = parseResource(schemaUri);
  invariant(schema.kind === 'schema', `${schemaUri} names the schema of a table`);
  const { database, table } = schema;
  return formatResource({ kind: 'row', database, table, key: {} }).slice(0, -'{}'.length);
}

function isImplied(recorded: ResourceState, found: ResourceState): boolean {
  if (sameState(found, recorded)) return false;
  if (found.kind === 'absent') return true;
  return recorded.kind === 'row' && found.kind === 'row' && isWithoutLostColumns(recorded.columns, found.columns);
}
