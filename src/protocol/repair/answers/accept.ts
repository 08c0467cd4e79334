/** `accept`: what was found is the record from now on; another job's workspace becomes this job's. */
import { parseResource } from '../../../model/record/resource.ts';
import type { Finding } from '../../../model/question/finding.ts';
import { acceptImpliedRows } from './accept-implied-rows.ts';
import { fileState } from '../../../model/record/narrowed-state.ts';
import { UNMARKED } from '../../../effects/database/holdfast-tables.ts';
import { invariant } from '../../../model/invariant.ts';
import type { ResourceState } from '../../../model/record/world.ts';
import type { RunningRepair } from '../running/running-repair.ts';
import { takeOver } from './take-over.ts';
import { orUnchanged, Unchanged } from '../changes/unchanged.ts';

/** In one note. */
const MAX_STEPS_NAMED = 20;

export async function accept(repair: RunningRepair, finding: Finding): Promise<void> {
  if (finding.class === 'foreign') await takeOver(repair.context, repair.notes);
  else await acceptFound(repair, finding);
}

/** What the question showed of the resource goes into the record. */
export async function acceptFound(repair: RunningRepair, finding: Finding): Promise<void> {
  const { resource, kind } = finding;
  if (kind === 'database-restored') return repair.note(`${resource}: taken as it is`);
  const state = repair.found(resource);
  if (state === undefined) return;
  await captureFound(repair, resource);
  repair.change('accepted', resource, await asMarked(repair, resource, state));
  const stale = staleStepsNotRerun(repair, finding);
  const suffix = stale.length > 0 ? `; stale, and not run again: ${firstOf(stale)}` : '';
  repair.note(`${resource}: what was found is the record now${suffix}`);
  if (state.kind === 'schema' || kind === 'table-missing') await acceptImpliedRows(repair, resource);
}

/**
 * A database that has no mark of Holdfast's yet is about to get one: it goes into the record with it, or the mark would
 * be another difference to ask about.
 */
async function asMarked({ context }: RunningRepair, uri: string, state: ResourceState): Promise<ResourceState> {
  if (state.kind !== 'identity' || state.system !== UNMARKED) return state;
  const resource = parseResource(uri);
  invariant(resource.kind === 'database', `${uri} names a database`);
  const database = await context.workspace.database(resource.database, context.settings);
  await database.ensureHoldfastTables();
  return await database.identity();
}

/** The bytes that were found are evidence: they are captured before they count, and `restore` needs them later. */
export async function captureFound(repair: RunningRepair, uri: string): Promise<void> {
  const resource = parseResource(uri);
  const found = repair.found(uri);
  if (resource.kind !== 'file' || found === undefined) return;
  const state = fileState(found);
  const captured = await orUnchanged(() => repair.context.workspace.files.capture(resource.path, state));
  // The file has gone since the repair was sealed: the comparison that follows says so.
  if (captured instanceof Unchanged) repair.note(`${uri}: what was found is not captured (${captured.reason})`);
  else if (captured !== undefined) repair.captured[uri] = captured;
}

/** The question has them all. */
function firstOf(stepIds: readonly string[]): string {
  const more = stepIds.length - MAX_STEPS_NAMED;
  const named = stepIds.slice(0, MAX_STEPS_NAMED).join(', ');
  return more > 0 ? `${named} and ${more} more` : named;
}

/** Steps that used what the record said until now, and that do not run again. */
function staleStepsNotRerun(repair: RunningRepair, finding: Finding): readonly string[] {
  if (repair.answerOf(finding) !== 'accept') return [];
  return finding.staleSteps.filter((stepId) => !repair.rerunsStep(stepId));
}
