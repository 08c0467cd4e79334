/**
 * What each recorded resource may look like.
 *
 * Invariants
 * 1. The latest record of a resource counts.
 * 2. While an intent is being applied its targets, and what its statements change, may be as before or as after.
 */
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { Observation } from '../../model/record/observation.ts';
import { uriOf } from '../../model/record/effect.ts';
import { ABSENT, sameState, type ResourceState, type Sighting } from '../../model/record/world.ts';
import { InPlaceAnswerSchema } from '../../model/step/command-result.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { halfAppliedTargets, type HalfAppliedTarget } from './half-applied.ts';

export interface Expectation {
  readonly acceptable: readonly ResourceState[];
  /** What the record has of it. */
  readonly entry: ManifestEntry | undefined;
  /** A third state of such a target is its step's conflict: the record says nothing of it yet. */
  readonly applying?: HalfAppliedTarget['applying'];
}

export type Expectations = Map<string, Expectation>;

export function expectationsOf(
  ledger: Ledger,
  jobId: string,
  manifest: ReadonlyMap<string, ManifestEntry>,
): Expectations {
  const expectations: Expectations = new Map();
  for (const [resource, entry] of manifest) expectations.set(resource, { acceptable: [entry.state], entry });
  for (const row of ledger.openIntents(jobId))
    if (row.state === 'applying') expectHalfApplied(expectations, ledger, row, manifest);
  for (const { resource, state } of changedInPlace(ledger, jobId)) {
    const known = expectations.get(resource);
    if (known !== undefined) expectations.set(resource, { ...known, acceptable: [...known.acceptable, state] });
  }
  return expectations;
}

export function isAcceptable(sighting: Sighting | undefined, { acceptable }: Expectation): boolean {
  return sighting?.outcome === 'seen' && acceptable.some((state) => sameState(state, sighting.state));
}

function expectHalfApplied(
  expectations: Expectations,
  ledger: Ledger,
  row: IntentRow,
  manifest: ReadonlyMap<string, ManifestEntry>,
): void {
  for (const { resource, acceptable, applying } of halfAppliedTargets(ledger, row))
    expectations.set(resource, { acceptable, entry: manifest.get(resource), applying });
  const { changes, byDatabase } = ledger.preparedAfters(row.intent.token);
  for (const { effects } of Object.values(byDatabase ?? {}))
    for (const { effect, after } of effects)
      if ('table' in effect)
        expectations.set(uriOf(effect)!, {
          acceptable: [effect.before, after],
          entry: manifest.get(uriOf(effect)!),
        });
  // Schemas and recorded rows that its statements change may be either.
  for (const { resource, state } of changes) {
    if (!resource.startsWith('schema:') && !resource.startsWith('row:')) continue;
    const entry = manifest.get(resource);
    expectations.set(resource, { acceptable: [entry?.state ?? ABSENT, state], entry });
  }
}

/** What commands in place have changed whose steps have no record yet: both ends of the change are known. */
function changedInPlace(ledger: Ledger, jobId: string): readonly Observation[] {
  return ledger.performsInForce(jobId).flatMap(({ state, answer, token }) => {
    // The cheap test of the text spares parsing the answers of all the other calls.
    if (state !== 'done' || answer === null || !answer.includes('"inPlace":true')) return [];
    if (ledger.stepRecord(token) !== undefined) return [];
    return InPlaceAnswerSchema.safeParse(JSON.parse(answer)).data?.found ?? [];
  });
}
