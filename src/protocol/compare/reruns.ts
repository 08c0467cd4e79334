/** Which steps a rerun runs again, where a resource is not as recorded. */
import { canBeUndone } from '../../model/record/effect.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { ResourceState } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { halfAppliedUsers } from './half-applied.ts';
import type { StepHistory } from './step-history.ts';

export interface AffectedSteps {
  /** Steps that used what has changed, and steps that used theirs. */
  readonly staleSteps: readonly string[];
  readonly rerunSteps: readonly string[];
}

export interface ChangedResource {
  readonly resource: string;
  readonly found: ResourceState;
  readonly entry: ManifestEntry | undefined;
}

export function affectedSteps(
  job: { readonly ledger: Ledger; readonly jobId: string },
  history: StepHistory,
  changed: ChangedResource,
): AffectedSteps {
  const users = history.usersOf(changed.resource, changed.entry?.seq ?? 0);
  const recorded = recordedReruns(history, users, changed);
  const halfApplied = halfAppliedUsers(job, history, changed.resource, recorded);
  const undoable = halfApplied.filter(({ effects }) => canBeUndone(effects));
  return {
    staleSteps: unique([...users, ...halfApplied.map(({ stepId }) => stepId)]),
    rerunSteps: unique([...recorded, ...undoable.map(({ stepId }) => stepId)]),
  };
}

/** Those that used it; what is gone is made again by the step that made it, which those follow. */
function recordedReruns(
  history: StepHistory,
  users: readonly string[],
  { resource, found, entry }: ChangedResource,
): readonly string[] {
  const maker = entry?.role === 'written' ? entry.stepId : undefined;
  const makerInForce = maker !== undefined && !history.isVoid(maker) ? maker : undefined;
  const isGone = found.kind === 'absent' && (resource.startsWith('file:') || resource.startsWith('row:'));
  const isMadeAgain = makerInForce !== undefined && (isGone || users.length === 0);
  // What a statement did without an undo can't be done again: its recorded answer stays.
  if (!isMadeAgain) return users.filter((stepId) => history.canBeUndone(stepId));
  // That a database's note of the step is gone says nothing of what the step did: it would meet its own work.
  if (resource.startsWith('token:') && !history.canBeUndone(makerInForce)) return [];
  // Who used what is made again must follow; statements that nothing undoes are for the person to name.
  return history.withDependents([makerInForce]);
}

function unique(stepIds: readonly string[]): readonly string[] {
  return [...new Set(stepIds)];
}
