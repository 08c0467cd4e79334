/**
 * A workspace that is bound to another job. If that job has ended, what stands in the way of finishing what it had half
 * applied is asked about, too: nothing of it stays as it is without a word.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { Finding } from '../../model/question/finding.ts';
import { sameState } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { openCallNotes } from '../attempt/calls/open-call-notes.ts';
import { halfAppliedTargets, type HalfAppliedTarget } from '../compare/half-applied.ts';
import { columnsOf } from '../compare/row-columns.ts';
import type { ProtocolHost } from '../host.ts';
import { lookAt } from '../look/look.ts';
import { conflictFinding } from '../question/conflict.ts';
import { describeDifference, type DescribedWorld } from '../question/describe.ts';
import { foreignFinding } from '../question/foreign.ts';
import { keptBoundNotes } from '../question/kept-bound.ts';
import { unseenFinding } from '../question/unseen.ts';
import { SealedRepairSchema } from '../repair/running/sealed-repair.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import type { Workspace } from '../workspace/workspace.ts';

export interface ForeignLook {
  readonly host: ProtocolHost;
  readonly workspace: Workspace;
  readonly ledger: Ledger;
  /** The job that the workspace is bound to. */
  readonly boundJobId: string;
  /** The job that is to have it. */
  readonly jobId: string;
}

/**
 * The binding first, then the conflicts of what the other job has half applied.
 * @throws HoldfastError `server-unreachable`: whether the other job still runs decides what is offered
 */
export async function foreignFindings(look: ForeignLook): Promise<readonly Finding[]> {
  const { host, ledger, boundJobId, jobId } = look;
  const isOpen = await host.isJobOpen(boundJobId, resumedRuns(ledger, boundJobId));
  const binding = foreignFinding({
    jobId: boundJobId,
    isOpen,
    halfApplied: applyingIntents(ledger, boundJobId).map(({ intent }) => intent.stepId),
    openCalls: isOpen ? [] : openCallNotes(ledger, boundJobId),
    keptBoundBecause: isOpen ? [] : lastTakeOverNotes(ledger, jobId),
  });
  return isOpen ? [binding] : [binding, ...(await halfAppliedFindings(look))];
}

/** A job that was started from a store has another first Run than the one that its id names. */
function resumedRuns(ledger: Ledger, jobId: string): readonly string[] {
  const runs: string[] = [];
  for (const { record } of ledger.records(jobId, 0))
    if (record.kind === 'decision' && record.resumesFrom !== undefined) runs.push(record.runId);
  return runs;
}

function applyingIntents(ledger: Ledger, jobId: string): ReturnType<Ledger['openIntents']> {
  return ledger.openIntents(jobId).filter(({ state }) => state === 'applying');
}

/** Why the last decision of this job, if it was to accept, did not get the workspace. */
function lastTakeOverNotes(ledger: Ledger, jobId: string): readonly string[] {
  const body = ledger.repairs.latest(jobId);
  const result = body === undefined ? undefined : SealedRepairSchema.parse(body).result;
  return result?.kind === 'repaired' ? keptBoundNotes(result.notes) : [];
}

/** Targets that the other job's half-applied intents would find otherwise than as before or as after. */
async function halfAppliedFindings({ host, workspace, ledger, boundJobId }: ForeignLook): Promise<Finding[]> {
  const bound = ledger.job(boundJobId);
  if (bound === undefined)
    throw new HoldfastError(
      'ledger-damaged',
      `The ledger says that its workspace is bound to job ${boundJobId}, of which it has nothing.`,
      { jobId: boundJobId },
    );
  const { settings } = bound;
  expectRecordedDatabases(workspace, settings, ledger, boundJobId);
  const targets = applyingIntents(ledger, boundJobId).flatMap((row) => halfAppliedTargets(ledger, row));
  const sightings = await lookAt(
    { workspace, settings, host },
    targets.map(({ resource, acceptable }) => ({ resource, recorded: columnsOf(acceptable) })),
  );
  const findings: Finding[] = [];
  for (const target of targets) {
    const sighting = sightings.get(target.resource)!;
    if (sighting.outcome !== 'seen') findings.push(unseenFinding(target.resource, sighting, undefined));
    else if (!target.acceptable.some((state) => sameState(state, sighting.state)))
      findings.push(await halfAppliedConflict({ workspace, settings }, target, sighting.state));
  }
  return findings;
}

async function halfAppliedConflict(
  world: DescribedWorld,
  { resource, applying }: HalfAppliedTarget,
  found: HalfAppliedTarget['acceptable'][number],
): Promise<Finding> {
  const difference = await describeDifference(world, { resource, expected: applying.after, found });
  return conflictFinding({ resource, target: applying, found, difference, owner: 'another job' });
}
