/**
 * Compares the world with the record: looks at everything that the record speaks of or that is watched, and makes a
 * finding of each difference, with the steps that it makes stale and the answers that are possible.
 *
 * Invariants
 * 1. The latest record of a resource counts; a job that reads a file and then rewrites it isn't stale.
 * 2. A target of an intent that is being applied may be as before or as after while it isn't marked, and only as after
 *    then.
 * 3. Rows that miss a column, or their table, are implied by the finding about the schema, not reported one by one.
 */
import type { ResourceState, Sighting } from '../../model/record/world.ts';
import { lookAt } from '../look/look.ts';
import type { LookRequest } from '../look/request.ts';
import { defined } from '../../model/defined.ts';
import { isOnlyRefreshed } from '../workspace/refreshed.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { expectDatabases } from '../workspace/expected-databases.ts';
import { oneForEachDatabase } from '../question/unseen-database.ts';
import type { ComparedRecord, Comparison } from './comparison.ts';
import { reportDatabaseTraces } from './database-traces.ts';
import { reportDifferences } from './differences.ts';
import { expectationsOf, isAcceptable, type Expectations } from './expectations.ts';
import { columnsOf } from './row-columns.ts';
import { findUnrecorded, reportUnrecorded } from './unrecorded.ts';

/** only: the resources to look at again. Left out: all. Safe to repeat; writes nothing. */
export async function compare(record: ComparedRecord, only?: ReadonlySet<string>): Promise<Comparison> {
  const { ledger, jobId, settings, workspace, host, at, manifest, onProgress, known } = record;
  expectDatabases(workspace, settings, (resource) => manifest.has(resource));
  const expectations = expectationsOf(ledger, jobId, manifest);
  const requests = requestsFor(expectations, only);
  const unrecorded = await findUnrecorded(record, (resource) => expectations.has(resource), only);
  const { first, appeared } = unrecorded;
  const recorded = (resource: string): ResourceState | undefined => manifest.get(resource)?.state;
  const sightings = await lookAt({ workspace, settings, host, recorded, ...defined({ onProgress, known }) }, [
    ...requests,
    ...[...first, ...appeared].map((resource) => ({ resource })),
  ]);

  const differing = await withoutRefreshed(workspace, expectations, differingOf(requests, expectations, sightings));
  const { findings: unrecordedFindings, firstSeen } = await reportUnrecorded(record, unrecorded, sightings, only);
  const findings = oneForEachDatabase(settings, [
    ...unrecordedFindings,
    ...(await reportDifferences(record, expectations, differing)),
    ...(await reportDatabaseTraces(record, only)),
  ]);
  return {
    at,
    findings,
    differing: [...differing.keys(), ...findings.map(({ resource }) => resource)],
    firstSeen,
    resources: requests.length + first.length,
    sizeBytes: seenBytes(sightings),
  };
}

function requestsFor(expectations: Expectations, only: ReadonlySet<string> | undefined): readonly LookRequest[] {
  return [...expectations]
    .filter(([resource]) => only === undefined || only.has(resource))
    .map(([resource, { acceptable }]) => ({ resource, recorded: columnsOf(acceptable) }));
}

function differingOf(
  requests: readonly LookRequest[],
  expectations: Expectations,
  sightings: ReadonlyMap<string, Sighting>,
): ReadonlyMap<string, Sighting> {
  return new Map(
    requests
      .map(({ resource }) => [resource, sightings.get(resource)!] as const)
      .filter(([resource, sighting]) => !isAcceptable(sighting, expectations.get(resource)!)),
  );
}

/** What git has written anew while it only looked is as recorded. */
async function withoutRefreshed(
  workspace: Workspace,
  expectations: Expectations,
  differing: ReadonlyMap<string, Sighting>,
): Promise<ReadonlyMap<string, Sighting>> {
  const left = new Map(differing);
  for (const [resource, sighting] of differing) {
    if (sighting.outcome !== 'seen') continue;
    for (const state of expectations.get(resource)!.acceptable)
      if (await isOnlyRefreshed(workspace, resource, state, sighting.state)) left.delete(resource);
  }
  return left;
}

function seenBytes(sightings: ReadonlyMap<string, Sighting>): number {
  let sizeBytes = 0;
  for (const sighting of sightings.values())
    if (sighting.outcome === 'seen' && sighting.state.kind === 'file') sizeBytes += sighting.state.sizeBytes;
  return sizeBytes;
}
