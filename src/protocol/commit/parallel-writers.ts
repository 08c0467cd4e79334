/** Two steps of a plan that run at once do not write one resource: whichever came last would win unseen. */
import { HoldfastError } from '../../model/failure.ts';
import { resourceOfEffect } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/**
 * Two parallel steps that write one resource: an error of the plan. Call under the lock.
 * @throws HoldfastError `same-target-twice`
 */
export function refuseParallelWriters(ledger: Ledger, intent: Intent, parallelWith: readonly string[]): void {
  if (parallelWith.length === 0) return;
  const mine = new Set(
    intent.effects.flatMap((effect) => {
      const resource = resourceOfEffect(effect);
      return resource === undefined || effect.kind === 'directory.create' ? [] : [formatResource(resource)];
    }),
  );
  const clash = (stepId: string, resource: string): HoldfastError =>
    new HoldfastError(
      'same-target-twice',
      `Steps ${intent.stepId} and ${stepId} run in parallel and both write ${resource}. Let one need the other.`,
      { resource, steps: [intent.stepId, stepId] },
    );
  for (const other of ledger.openIntents(intent.jobId)) {
    if (other.intent.token === intent.token || !parallelWith.includes(other.intent.stepId)) continue;
    for (const effect of other.intent.effects) {
      const resource = resourceOfEffect(effect);
      if (resource !== undefined && mine.has(formatResource(resource)))
        throw clash(other.intent.stepId, formatResource(resource));
    }
  }
  for (const resource of mine) {
    const entry = ledger.manifestEntry(intent.jobId, resource);
    // A sibling wrote it after this step had seen the world as it was before: written by both in one super-step.
    if (
      entry?.role === 'written' &&
      entry.stepId !== undefined &&
      entry.stepId !== intent.stepId &&
      parallelWith.includes(entry.stepId)
    )
      throw clash(entry.stepId, resource);
  }
}
