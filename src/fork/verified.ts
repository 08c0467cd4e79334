/**
 * What of a fork's databases is not as its record has it. Its files were hashed when they were copied; all of it is
 * compared once more before its first step.
 */
import type { JobSettings } from '../model/job/settings.ts';
import type { ManifestEntry } from '../model/record/manifest.ts';
import { parseResource } from '../model/record/resource.ts';
import { sameState, type ResourceState } from '../model/record/world.ts';
import { columnsOf } from '../protocol/compare/row-columns.ts';
import { lookAt } from '../protocol/look/look.ts';
import { Workspace } from '../protocol/workspace/workspace.ts';
import type { Env } from './source.ts';

const IN_DATABASES = ['row:', 'schema:', 'token:', 'database:'];

export interface Compared {
  readonly settings: JobSettings;
  readonly env: Env;
  /** As the record of the fork has it. */
  readonly manifest: ReadonlyMap<string, Pick<ManifestEntry, 'state'>>;
}

/** @returns the resources that differ, or could not be read */
export async function unlikeRecord(root: string, { settings, env, manifest }: Compared): Promise<readonly string[]> {
  const wanted = [...manifest].filter(([resource]) => isInOneOf(resource, settings));
  if (wanted.length === 0) return [];
  const workspace = new Workspace(root, env);
  try {
    const recorded = (resource: string): ResourceState | undefined => manifest.get(resource)?.state;
    const sightings = await lookAt(
      { workspace, settings, host: { steps: new Map(), env }, recorded },
      wanted.map(([resource, { state }]) => ({ resource, recorded: columnsOf([state]) })),
    );
    return wanted
      .filter(([resource, { state }]) => {
        const sighting = sightings.get(resource);
        return sighting?.outcome !== 'seen' || !sameState(state, sighting.state);
      })
      .map(([resource]) => resource);
  } finally {
    await workspace.close();
  }
}

function isInOneOf(resource: string, { databases }: Pick<JobSettings, 'databases'>): boolean {
  if (!IN_DATABASES.some((scheme) => resource.startsWith(scheme))) return false;
  const parsed = parseResource(resource);
  return 'database' in parsed && Object.hasOwn(databases, parsed.database);
}
