/**
 * What is watched and not in the record. A watch that is met for the first time is noted as it is found; a file that
 * matches a pattern which was noted before has appeared.
 */
import type { Finding } from '../../model/question/finding.ts';
import type { Change } from '../../model/record/record.ts';
import { ABSENT, type Sighting } from '../../model/record/world.ts';
import { patternState } from '../look/digests.ts';
import { watchedPatterns, watchedResources, type WatchedPattern } from '../look/watches.ts';
import { describeDifference, type DescribedWorld } from '../question/describe.ts';
import { appearedFinding } from '../question/discrepancy.ts';
import { unseenFinding } from '../question/unseen.ts';
import type { ComparedRecord } from './comparison.ts';

export interface Unrecorded {
  /** Resources to be noted as they are found. */
  readonly first: readonly string[];
  /** `file:…` */
  readonly appeared: readonly string[];
  readonly patterns: readonly WatchedPattern[];
}

/** only: the resources that are looked at again; what a whole comparison notes for the first time is not noted then. */
export async function findUnrecorded(
  record: ComparedRecord,
  isExpected: (resource: string) => boolean,
  only: ReadonlySet<string> | undefined,
): Promise<Unrecorded> {
  const { manifest, settings } = record;
  const isRequested = (resource: string): boolean => only === undefined || only.has(resource);
  const watched = watchedResources(settings).filter(
    (resource) => !manifest.has(resource) && (isRequested(resource) || !resource.startsWith('file:')),
  );
  const patterns = await watchedPatterns(record);
  const unexpected = (ofNoted: boolean): string[] =>
    patterns
      .filter(({ resource }) => manifest.has(resource) === ofNoted)
      .flatMap(({ matches }) => matches)
      .filter((file) => !isExpected(file));
  return {
    first: [...new Set([...watched, ...(only === undefined ? unexpected(false) : [])])],
    appeared: [...new Set(unexpected(true).filter(isRequested))],
    patterns,
  };
}

export interface UnrecordedResult {
  readonly findings: readonly Finding[];
  readonly firstSeen: readonly Change[];
}

export async function reportUnrecorded(
  record: ComparedRecord,
  { first, appeared, patterns }: Unrecorded,
  sightings: ReadonlyMap<string, Sighting>,
  only: ReadonlySet<string> | undefined,
): Promise<UnrecordedResult> {
  const firstSeen: Change[] = [];
  const findings: Finding[] = [];
  for (const resource of first) {
    const sighting = sightings.get(resource)!;
    if (sighting.outcome === 'seen') firstSeen.push({ resource, role: 'watched', state: sighting.state });
    else findings.push(unseenFinding(resource, sighting, undefined));
  }
  for (const { resource, pattern, unseen } of patterns) {
    const entry = record.manifest.get(resource);
    if (unseen !== undefined) findings.push(unseenFinding(resource, unseen, entry));
    else if (only === undefined && entry === undefined)
      firstSeen.push({ resource, role: 'watched', state: patternState(pattern) });
  }
  for (const resource of appeared) findings.push(await appearedFindingOf(record, resource, sightings.get(resource)!));
  return { findings, firstSeen };
}

async function appearedFindingOf(world: DescribedWorld, resource: string, sighting: Sighting): Promise<Finding> {
  if (sighting.outcome !== 'seen') return unseenFinding(resource, sighting, undefined);
  const { state: found } = sighting;
  return appearedFinding(resource, found, await describeDifference(world, { resource, expected: ABSENT, found }));
}
