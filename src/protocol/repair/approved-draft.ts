/**
 * Does the world still show what an approved draft was made from? An approval of a draft that can't be applied any more
 * would be used for nothing: its step would run again and ask anew.
 */
import { answered, type Answers } from '../../model/question/answer.ts';
import type { Question } from '../../model/question/question.ts';
import { uriOf, type Effect } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import { sameState, type ResourceState } from '../../model/record/world.ts';
import { lookAt } from '../look/look.ts';
import { whyNotRead } from '../look/sighting.ts';
import type { RepairContext } from './running/context.ts';

/** What a second look has found of a draft. */
export interface DraftLook {
  readonly moved: readonly string[];
  /** Why targets and inputs can't be read. */
  readonly notRead: readonly string[];
}

const NOT_LOOKED_AT: DraftLook = { moved: [], notRead: [] };

/**
 * The targets and inputs that show something else by now; none: it can be applied. Reads only.
 * @throws HoldfastError `storage-failed` where a file can't be read at this moment
 */
export async function changedSinceDrafted(
  context: RepairContext,
  { token }: Question,
  answers: Answers,
): Promise<DraftLook> {
  if (token === undefined || answered(answers, 'approve').length === 0) return NOT_LOOKED_AT;
  const row = context.ledger.intent(token);
  if (row?.state !== 'sealed') return NOT_LOOKED_AT;
  const drafted = statesDrafted(row.intent);
  const sightings = await lookAt(
    context,
    [...drafted].map(([resource, [recorded]]) => ({ resource, recorded })),
  );
  const moved: string[] = [];
  const notRead: string[] = [];
  for (const [resource, acceptable] of drafted) {
    const sighting = sightings.get(resource);
    const unread = whyNotRead(resource, sighting);
    if (unread !== undefined) notRead.push(unread);
    else if (sighting?.outcome !== 'seen' || !acceptable.some((state) => sameState(state, sighting.state)))
      moved.push(resource);
  }
  return { moved, notRead };
}

/** A draft that can't be applied any more: its step runs again, and asks about what it makes of the world as it is. */
export function dropDraftOf({ ledger }: RepairContext, { kind, token }: Question): void {
  if (kind !== 'approval' || token === undefined || ledger.intent(token)?.state !== 'sealed') return;
  const claim = ledger.claim(token);
  ledger.transaction(() => {
    ledger.dropIntent(token);
    if (claim === undefined) return;
    // What the step drew holds while what it had read before is the same.
    ledger.once.handOn(token, claim.draft);
    ledger.putClaim({ ...claim, state: 'closed', draft: claim.draft + 1 });
  });
}

/** What each resource may show, the state before an effect first. */
function statesDrafted({ observations, effects }: Intent): ReadonlyMap<string, readonly ResourceState[]> {
  const drafted = new Map<string, readonly ResourceState[]>();
  for (const { resource, state } of observations) if (/^(file|row):/.test(resource)) drafted.set(resource, [state]);
  for (const effect of effects) {
    const resource = uriOf(effect);
    const states = statesBefore(effect);
    if (resource !== undefined && states.length > 0) drafted.set(resource, states);
  }
  return drafted;
}

/** A folder that somebody has created meanwhile is what the step wants. */
function statesBefore(effect: Effect): readonly ResourceState[] {
  if (effect.kind === 'sql' || effect.kind === 'perform') return [];
  if (effect.kind === 'directory.create') return [effect.before, effect.after];
  if ('path' in effect || effect.before.kind === 'row') return [effect.before];
  // Which columns to look at, of a row that is not there.
  return [{ kind: 'row', columns: Object.fromEntries(effect.columns.map((column) => [column, null])) }, effect.before];
}
