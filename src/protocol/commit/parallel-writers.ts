/** Two steps that run at once do not write one resource: whichever came last would win unseen. */
import { HoldfastError } from '../../model/failure.ts';
import type { RunStepRequest } from '../../model/job/run-step.ts';
import { isPartOf, isWithin, requestedStepOf } from '../../model/sub-step-id.ts';
import { uriOf, type Effect } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/** Which steps run at once with this one; none of them: none does. */
export interface Parallel extends Pick<RunStepRequest, 'parallelSince' | 'parallelWith'> {
  /** Of a sub-step: where the chain ended when it began. What another of its step has written since was at once. */
  readonly siblingsSince?: number | undefined;
}

/**
 * Call under the lock, before the intent is sealed.
 * @throws HoldfastError `same-target-twice`: an error of the plan
 */
export function refuseParallelWriters(ledger: Ledger, intent: Intent, parallel: Parallel): void {
  const { parallelSince, parallelWith, siblingsSince } = parallel;
  if ((parallelSince ?? parallelWith ?? siblingsSince) === undefined) return;
  // A folder may be created by both: it comes out the same.
  const targets = new Set(targetsOf(intent.effects.filter(({ kind }) => kind !== 'directory.create')));
  for (const other of ledger.openIntents(intent.jobId)) {
    const { token, stepId, effects } = other.intent;
    if (token === intent.token || !isSealedAtOnce(other, intent, parallel)) continue;
    for (const resource of targetsOf(effects)) if (targets.has(resource)) throw bothWrite(intent, stepId, resource);
  }
  // Sub-steps one after the other: nothing was recorded since this one began.
  const isAlone = (parallelSince ?? parallelWith) === undefined && ledger.job(intent.jobId)?.at.seq === siblingsSince;
  if (isAlone) return;
  for (const resource of targets) {
    const entry = ledger.manifestEntry(intent.jobId, resource);
    if (entry?.role !== 'written' || entry.stepId === undefined || entry.stepId === intent.stepId) continue;
    // A sibling has written it since the super-step began, and is recorded already.
    if (isRecordedAtOnce({ stepId: entry.stepId, seq: entry.seq }, intent, parallel))
      throw bothWrite(intent, entry.stepId, resource);
  }
}

/** Was it sealed for the same super-step? One that a decision made void waits with the place of an earlier one. */
function isSealedAtOnce(
  { intent, details }: IntentRow,
  own: Intent,
  { parallelSince, parallelWith }: Parallel,
): boolean {
  if (areSiblings(intent, own)) return true;
  if (parallelSince !== undefined) return details.parallelSince === parallelSince;
  return parallelWith?.includes(intent.stepId) === true;
}

function isRecordedAtOnce(
  { stepId, seq }: { readonly stepId: string; readonly seq: number },
  own: Intent,
  { parallelSince, parallelWith, siblingsSince }: Parallel,
): boolean {
  if (isWithin(stepId, own.stepId)) return false;
  if (areSiblings({ stepId }, own)) return siblingsSince !== undefined && seq > siblingsSince;
  if (parallelSince !== undefined) return seq > parallelSince;
  return parallelWith?.includes(stepId) === true;
}

/** Of one step: a sub-step and another, or the step itself. */
function areSiblings(one: Pick<Intent, 'stepId'>, other: Pick<Intent, 'stepId'>): boolean {
  return isPartOf(one.stepId, requestedStepOf(other.stepId));
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
