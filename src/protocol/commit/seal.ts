/**
 * Turns what an attempt has staged into an intent: complete, with the state before every effect, ready to be sealed.
 *
 * Invariants
 * 1. The state before an effect is what the world shows, and what the record says where the record knows the resource;
 *    if they differ, the attempt unwinds. Bytes that the record does not know are captured before they are replaced.
 * 2. No secret is sealed.
 */
import { canonicalJson } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { describeEffect } from '../../model/record/effect-text.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { Observation } from '../../model/record/observation.ts';
import type { ResourceState } from '../../model/record/world.ts';
import type { Secrets } from '../secrets/secrets.ts';
import type { EndedDraft } from './ended-draft.ts';
import { stagedFileEffects } from './seal-files.ts';
import { stagedDatabaseEffects } from './seal-rows.ts';

/** Reads what it needs of the world; writes nothing. @throws MustVerify, HoldfastError (`secret-in-output`, …) */
export async function makeIntent(draft: EndedDraft): Promise<Intent> {
  const { workspace, claim, stage, step, output, performed } = draft;
  const { jobId, stepId, generation, token, draft: draftNumber, args } = claim.row;
  const effects = [...performed, ...(await stagedFileEffects(draft)), ...(await stagedDatabaseEffects(draft))];
  const changedInPlace = claim.changedInPlace.size === 0 ? undefined : observationsOf(claim.changedInPlace);
  const intent: Intent = {
    schemaVersion: 1,
    jobId,
    stepId,
    step,
    generation,
    token,
    draft: draftNumber,
    args,
    effects,
    observations: observationsOf(stage.observations),
    queries: stage.queries,
    listings: stage.listings,
    ...defined({ left: changedInPlace }),
    output,
  };
  refuseSecrets(workspace.secrets, intent);
  return intent;
}

function observationsOf(states: ReadonlyMap<string, ResourceState>): Observation[] {
  return [...states]
    .map(([resource, state]) => ({ resource, state }))
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}

/** Whatever way a secret came there: what is sealed stays as it is. @throws HoldfastError `secret-in-output` */
function refuseSecrets(
  secrets: Secrets,
  { stepId, effects, output, observations, left = [], queries, listings }: Intent,
): void {
  if (secrets.isEmpty) return;
  secrets.refuse(canonicalJson(output), `what step ${stepId} returns`);
  for (const effect of effects) secrets.refuse(canonicalJson(effect), describeEffect(effect));
  for (const { resource, state } of [...observations, ...left])
    secrets.refuse(canonicalJson([resource, state]), `what is noted of ${resource}, which step ${stepId} has read,`);
  secrets.refuse(canonicalJson([...queries, ...listings]), `what is noted of the queries of step ${stepId}`);
}
