/** Whether what a step finds is what the record says. Another content is a discrepancy at once, also in the middle of a run. */
import type { VerificationReason } from '../../model/job/verify-world.ts';
import { HoldfastError } from '../../model/failure.ts';
import { resourceOfEffect } from '../../model/record/effect.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, sameState, type ResourceState } from '../../model/record/world.ts';
import { shortDigest } from '../../model/digest.ts';
import { stateDigest } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/** Unwinds a step's code: the world has to be compared before it can go on. Not a failure of the step. */
export class MustVerify extends Error {
  readonly reason: VerificationReason;
  /** What differs, where it is one thing. */
  readonly resource: string | undefined;
  constructor(reason: VerificationReason, detail: string, resource?: string) {
    super(detail);
    this.resource = resource;
    this.name = 'MustVerify';
    this.reason = reason;
  }
}

/** @throws MustVerify if the manifest knows the resource otherwise; HoldfastError `busy` if that is another step's work, half applied: a comparison finds nothing wrong with it */
export function mustBeAsRecorded(
  ledger: Ledger,
  jobId: string,
  resource: string,
  found: ResourceState,
  reason: VerificationReason = 'reads-differ',
): void {
  const entry = ledger.manifestEntry(jobId, resource);
  if (entry === undefined || entry.digest === stateDigest(found)) return;
  if (found.kind === 'row' && entry.state.kind === 'row' && coversSame(entry.state.columns, found.columns)) return;
  const maker = halfAppliedBy(ledger, jobId, resource, found);
  if (maker !== undefined)
    throw new HoldfastError(
      'busy',
      `Step ${maker} is changing ${resource} and has not ended; this step goes on after it.`,
      { resource },
    );
  throw new MustVerify(
    reason,
    `${resource} is ${found.kind} ${shortDigest(stateDigest(found))}, recorded ${entry.state.kind} ${shortDigest(entry.digest)}`,
    resource,
  );
}

function halfAppliedBy(ledger: Ledger, jobId: string, resource: string, found: ResourceState): string | undefined {
  for (const { intent, state } of ledger.openIntents(jobId)) {
    if (state !== 'applying') continue;
    const planned = ledger.preparedAfters(intent.token).afters;
    const isIts = intent.effects.some((effect, index) => {
      const target = resourceOfEffect(effect);
      return (
        target !== undefined &&
        formatResource(target) === resource &&
        sameState(found, 'after' in effect ? effect.after : (planned[index] ?? ABSENT))
      );
    });
    if (isIts) return intent.stepId;
  }
  return undefined;
}

/** A row that is looked at with more columns than the record covers is as recorded if the covered ones are. */
function coversSame(recorded: Readonly<Record<string, unknown>>, found: Readonly<Record<string, unknown>>): boolean {
  const covered = Object.keys(recorded);
  if (covered.some((column) => !(column in found))) return false;
  const columns = Object.fromEntries(covered.map((column) => [column, found[column]])) as never;
  return sameState({ kind: 'row', columns }, { kind: 'row', columns: recorded as never });
}
