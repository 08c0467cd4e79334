/**
 * Looks at everything that the record speaks of: files in parallel, rows and tokens in batches. Reads only.
 *
 * Invariant: "could not read" and "could not reach" are outcomes of their own, never taken for "gone" or "unchanged".
 */
import { defined } from '../../model/defined.ts';
import { mayPass, type FileSighting } from '../../effects/files/sighting.ts';
import { parseResource, type Resource } from '../../model/record/resource.ts';
import type { Sighting } from '../../model/record/world.ts';
import { lookAtCode } from './code.ts';
import { lookAtCommand } from './command.ts';
import { lookInDatabase } from './database.ts';
import { patternState, planState } from './digests.ts';
import { lookAtEndpoint } from './endpoint.ts';
import { lookAtQuery } from './query.ts';
import type { DatabaseResource, LookPlace, LookRequest, ParsedRequest } from './request.ts';
import { seen } from './sighting.ts';

/** A sighting for each request. Never rejects for what it finds; a defect does. */
export async function lookAt(
  place: LookPlace,
  requests: readonly LookRequest[],
): Promise<ReadonlyMap<string, Sighting>> {
  const sightings = new Map<string, Sighting>();
  const parsed = requests.map((request) => ({ request, resource: parseResource(request.resource) }));
  await lookAtFiles(place, parsed, sightings);
  const groups = Map.groupBy(parsed.filter(isInDatabase), ({ resource }) => resource.database);
  for (const [database, group] of groups) await lookInDatabase(place, database, group, sightings);
  for (const { request, resource } of parsed) {
    const sighting = await lookAtOne(place, resource);
    if (sighting !== undefined) sightings.set(request.resource, sighting);
  }
  return sightings;
}

async function lookAtFiles(
  { workspace, onProgress, known }: LookPlace,
  parsed: readonly ParsedRequest[],
  sightings: Map<string, Sighting>,
): Promise<void> {
  const files = parsed.flatMap(({ request, resource }) =>
    resource.kind === 'file' ? [{ uri: request.resource, path: resource.path }] : [],
  );
  const seenFiles = await workspace.files.observeMany(
    files.map(({ path }) => path),
    defined({ onProgress, known }),
  );
  files.forEach(({ uri }, index) => sightings.set(uri, orUnreachable(seenFiles[index]!)));
}

/** A disk that fails for a moment is out of reach, not forbidden. */
function orUnreachable(sighting: FileSighting): Sighting {
  if (sighting.outcome === 'seen') return sighting;
  const { reason, leadsOutside } = sighting;
  if (mayPass(sighting)) return { outcome: 'unreachable', reason };
  return { outcome: 'unreadable', reason, ...defined({ leadsOutside }) };
}

function isInDatabase(one: ParsedRequest): one is ParsedRequest<DatabaseResource> {
  return 'database' in one.resource;
}

/** Undefined: the resource is a file, or in a database. */
async function lookAtOne(place: LookPlace, resource: Resource): Promise<Sighting | undefined> {
  switch (resource.kind) {
    case 'code':
      return lookAtCode(place.host, resource.step);
    case 'files':
      // A pattern's own entry only says that its files were noted; each of them has an entry.
      return seen(patternState(resource.pattern));
    case 'plan':
      return seen(planState(place.settings));
    case 'command':
      return await lookAtCommand(place, resource.argv);
    case 'endpoint':
      return await lookAtEndpoint(place, resource.name);
    case 'query':
      return await lookAtQuery(place, resource.name);
    default:
      return undefined;
  }
}
