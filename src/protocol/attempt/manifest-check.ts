/**
 * Whether what a step finds is what the record says. Anything else is a discrepancy at once, also in the middle of a
 * run.
 */
import { HoldfastError } from '../../model/failure.ts';
import { shortDigest } from '../../model/digest.ts';
import { resourceOfEffect } from '../../model/record/effect.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, sameState, stateDigest, type ResourceState } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { MustVerify } from './must-verify.ts';

/**
 * @throws MustVerify where the manifest knows the resource otherwise
 * @throws HoldfastError `busy` where another step's intent, half applied, has made it so: a comparison finds nothing
 * wrong then
 */
export function mustBeAsRecorded(ledger: Ledger, jobId: string, resource: string, found: ResourceState): void {
  const entry = ledger.manifestEntry(jobId, resource);
  if (entry === undefined || entry.digest === stateDigest(found)) return;
  const recorded = entry.state;
  // Of a table that an earlier version recorded, less is compared than its digest covers now.
  if (sameState(recorded, found)) return;
  if (found.kind === 'row' && recorded.kind === 'row' && isSameInCoveredColumns(recorded, found)) return;
  const maker = halfAppliedBy(ledger, jobId, resource, found);
  if (maker !== undefined)
    throw new HoldfastError(
      'busy',
      `Step ${maker} is changing ${resource} and has not ended; this step goes on after it.`,
      { resource },
    );
  const foundText = `${found.kind} ${shortDigest(stateDigest(found))}`;
  const recordedText = `${recorded.kind} ${shortDigest(entry.digest)}`;
  throw new MustVerify('reads-differ', `${resource} is ${foundText}, recorded ${recordedText}`, resource);
}

/** The step whose open intent leaves the resource as it is found. */
function halfAppliedBy(ledger: Ledger, jobId: string, resource: string, found: ResourceState): string | undefined {
  for (const { intent, state } of ledger.openIntents(jobId)) {
    if (state !== 'applying') continue;
    const planned = ledger.preparedAfters(intent.token).afters;
    const isItsEffect = intent.effects.some((effect, index) => {
      const target = resourceOfEffect(effect);
      if (target === undefined || formatResource(target) !== resource) return false;
      return sameState(found, 'after' in effect ? effect.after : (planned[index] ?? ABSENT));
    });
    if (isItsEffect) return intent.stepId;
  }
  return undefined;
}

type Row = Extract<ResourceState, { kind: 'row' }>;

/** A row that is read with more columns than the record covers is as recorded if the covered ones are. */
function isSameInCoveredColumns(recorded: Row, found: Row): boolean {
  const covered = Object.entries(found.columns).filter(([column]) => Object.hasOwn(recorded.columns, column));
  if (covered.length < Object.keys(recorded.columns).length) return false;
  return sameState({ kind: 'row', columns: Object.fromEntries(covered) }, recorded);
}
