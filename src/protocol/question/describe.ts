/** Differences as a person reads them, from two states and the contents behind them. */
import { describeRowDifference } from '../../effects/database/row-difference.ts';
import { describeSchemaDifference } from '../../effects/database/schema-difference.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { fileState, rowState, schemaState } from '../../model/record/narrowed-state.ts';
import { parseResource } from '../../model/record/resource.ts';
import type { ResourceState, SchemaState } from '../../model/record/world.ts';
import type { TablePlace } from '../../effects/database/database.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** Where the contents and the databases are. */
export interface DescribedWorld {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
}

export interface TwoStates {
  readonly resource: string;
  readonly expected: ResourceState;
  readonly found: ResourceState;
  /** Has the record what was expected because a step read it, and none wrote it? Default: no. */
  readonly wasOnlyRead?: boolean;
}

/** Readable, bounded; '' where there is nothing to add to the two sides. */
export async function describeDifference(
  { workspace, settings }: DescribedWorld,
  { resource, expected, found, wasOnlyRead = false }: TwoStates,
): Promise<string> {
  const parsed = parseResource(resource);
  switch (parsed.kind) {
    case 'file':
      return await workspace.files.describe(parsed.path, fileState(expected), fileState(found), { wasOnlyRead });
    case 'row':
      return describeRowDifference(rowState(expected), rowState(found)).join('\n');
    case 'schema': {
      const dialect = workspace.dialectOf(parsed.database, settings);
      const [recorded, now] = [schemaState(expected), schemaState(found)];
      const place = await placeOf({ workspace, settings }, parsed.database, recorded, now);
      return describeSchemaDifference(recorded, now, { dialect, place }).join('\n');
    }
    default:
      return '';
  }
}

/** Where the recorded table is, if its name leads elsewhere now. */
async function placeOf(
  { workspace, settings }: DescribedWorld,
  database: string,
  expected: SchemaState,
  found: SchemaState,
): Promise<TablePlace | undefined> {
  if (expected.kind !== 'schema' || expected.table === undefined) return undefined;
  if (found.kind === 'schema' && found.table?.id === expected.table.id) return undefined;
  try {
    return await (await workspace.database(database, settings)).locate(expected.table);
  } catch (error) {
    // What can't be told now is left out; that the table differs is known.
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}
