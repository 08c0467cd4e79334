/** Two steps of a plan that run at once do not write one resource: whichever came last would win unseen. */
import { HoldfastError } from '../../model/failure.ts';
import { uriOf, type Effect } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/**
 * Call under the lock, before the intent is sealed. `parallelWith`: ids of the steps that run at once with this one.
 * @throws HoldfastError `same-target-twice`: an error of the plan
 */
export function refuseParallelWriters(ledger: Ledger, intent: Intent, parallelWith: readonly string[]): void {
  if (parallelWith.length === 0) return;
  // A folder may be created by both: it comes out the same.
  const targets = new Set(targetsOf(intent.effects.filter(({ kind }) => kind !== 'directory.create')));
  for (const sibling of ledger.openIntents(intent.jobId)) {
    const { token, stepId, effects } = sibling.intent;
    if (token === intent.token || !parallelWith.includes(stepId)) continue;
    for (const resource of targetsOf(effects)) if (targets.has(resource)) throw bothWrite(intent, stepId, resource);
  }
  for (const resource of targets) {
    const entry = ledger.manifestEntry(intent.jobId, resource);
    if (entry?.role !== 'written' || entry.stepId === undefined || entry.stepId === intent.stepId) continue;
    // A sibling has written it since the super-step began, and is recorded already.
    if (parallelWith.includes(entry.stepId)) throw bothWrite(intent, entry.stepId, resource);
  }
}

function targetsOf(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) => uriOf(effect) ?? []);
}

function bothWrite({ stepId }: Intent, siblingId: string, resource: string): HoldfastError {
  return new HoldfastError(
    'same-target-twice',
    `Steps ${stepId} and ${siblingId} run in parallel and both write ${resource}. Let one need the other.`,
    { resource, steps: [stepId, siblingId] },
  );
}
