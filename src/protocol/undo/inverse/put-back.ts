/** May a resource be put back? Where it is as the step made it, or where a person decided so for what was found. */
import { sameState, type ResourceState } from '../../../model/record/world.ts';
import type { UndoRuling } from '../../../store/ledger/undo-rulings.ts';
import { describeDifference } from '../../question/describe.ts';
import { changedSinceFinding } from '../../question/undo.ts';
import { isOnlyRefreshed } from '../../workspace/refreshed.ts';
import type { RunningInversion } from './running-inversion.ts';
import type { UndoTarget } from './inverse.ts';

export interface ResourceStates {
  readonly resource: string;
  /** Before and after the step. */
  readonly before: ResourceState;
  readonly after: ResourceState;
  readonly found: ResourceState;
}

/** False: nothing is done to it, and the inversion says why, or asks. */
export async function isToPutBack(inversion: RunningInversion, states: ResourceStates): Promise<boolean> {
  const { resource, before, after, found } = states;
  if (sameState(found, before)) {
    inversion.settle('undone', resource, found);
    if (!sameState(before, after)) inversion.notes.push(`${resource}: it is as before already`);
    return false;
  }
  if (sameState(found, after)) return true;
  if (inversion.target.ownChanges.has(resource, found)) return true;
  if (await isOnlyRefreshed(inversion.target.workspace, resource, after, found)) return true;
  const ruling = rulingOn(inversion.target, states);
  if (ruling === undefined) {
    await askAboutChange(inversion, states);
    return false;
  }
  const decided = `as ${ruling.by} decided: ${ruling.reason}`;
  if (ruling.answer === 'overwrite') {
    inversion.notes.push(`${resource}: it had changed since; put back all the same, ${decided}`);
    return true;
  }
  const { stepId } = inversion.target.record;
  inversion.leave(resource, `it had changed since step ${stepId}, and stays as it is, ${decided}`);
  inversion.settle('accepted', resource, found);
  return false;
}

/** A `skip` holds for the older records of the resource, too. */
function rulingOn({ rulings, token }: UndoTarget, { resource, found }: ResourceStates): UndoRuling | undefined {
  return rulings.find(
    (one) =>
      one.resource === resource &&
      one.found !== null &&
      sameState(one.found, found) &&
      (one.answer === 'skip' || one.token === token),
  );
}

async function askAboutChange({ target, findings }: RunningInversion, states: ResourceStates): Promise<void> {
  const { record, workspace, settings } = target;
  const { resource, after: expected, found } = states;
  const difference = await describeDifference({ workspace, settings }, { resource, expected, found });
  findings.push(changedSinceFinding(record, { ...states, difference }));
}
