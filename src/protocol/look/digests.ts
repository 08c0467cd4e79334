/**
 * What a look is compared by: the digests of listings and rows, and the states of what has no state of its own in the
 * world.
 */
import { digestOf, type Digest } from '../../model/digest.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { ABSENT, type ResourceState } from '../../model/record/world.ts';
import type { FileInfo } from '../../model/step/step-files.ts';

/** Names and kinds; what is in the files is not read. */
export function listingDigest(entries: readonly FileInfo[]): Digest {
  return digestOf(entries.map(({ path, kind }) => ({ path, kind })));
}

/** Rows as canonical text, so that a query read again can be compared. */
export function rowsDigest(rows: readonly Readonly<Record<string, unknown>>[]): Digest {
  return digestOf(rows);
}

/** Each record has one, and a worker's code few. */
const versionStates = new Map<string, ResourceState>();
const MAX_VERSIONS = 1_000;

export function versionState(version: string): ResourceState {
  const known = versionStates.get(version);
  if (known !== undefined) return known;
  const state: ResourceState = { kind: 'value', value: digestOf({ version }), summary: `version ${version}` };
  if (versionStates.size < MAX_VERSIONS) versionStates.set(version, state);
  return state;
}

export function planState(settings: JobSettings): ResourceState {
  return settings.plan === null
    ? ABSENT
    : { kind: 'value', value: settings.plan.digest, summary: `plan ${settings.plan.name}` };
}

export function patternState(pattern: string): ResourceState {
  return { kind: 'value', value: digestOf({ pattern }), summary: `the files that match ${pattern} are noted` };
}
