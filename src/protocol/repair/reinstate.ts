/**
 * Undoes a rewind: what has run since is taken back, and what the rewind took away is put back, with the results of its
 * steps.
 *
 * Invariants
 * 1. A path goes from what the record has now to what it had then in one act, so that a repair that was killed between
 *    finds it in either state. Of a database all of it is one transaction: first what is taken back, newest first, then
 *    what is put back, in the order of the record.
 * 2. A step that counts again has a record of its own under a new generation, word for word as it was.
 */
import { uriOf } from '../../model/record/effect.ts';
import { fileState, rowState } from '../../model/record/narrowed-state.ts';
import type { Change, StepRecord } from '../../model/record/record.ts';
import { parseResource } from '../../model/record/resource.ts';
import { tokenOf } from '../../model/record/token.ts';
import { ABSENT, sameState, type FileState, type ResourceState, type RowState } from '../../model/record/world.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { NewRecord } from '../../store/ledger/chain.ts';
import { takenBackBy } from './answers/rerun.ts';
import { removeEmptyFolder, resetFile } from './changes/files.ts';
import type { ReinstatePlan } from './reinstate-plan.ts';
import type { RunningRepair } from './running/running-repair.ts';

/** A path that is put to the state that it had before the rewind. */
export interface ReinstatedFile {
  readonly path: string;
  readonly resource: string;
  readonly place: number;
  /** As the record has it now. */
  readonly shown: FileState;
  readonly wanted: FileState;
}

/** Files at once; what is to change in databases is collected. */
export async function reinstate(repair: RunningRepair, plan: ReinstatePlan): Promise<void> {
  await reinstateRows(repair, plan);
  for (const file of reinstatedFiles(repair, plan)) {
    const { path, place, shown, wanted, resource } = file;
    const reset = { path, part: { kind: 'reinstated', place } as const, shown, wanted };
    const isFolderToGo = shown.kind === 'directory' && wanted.kind === 'absent';
    const isPut = isFolderToGo ? await removeEmptyFolder(repair, reset) : await resetFile(repair, reset);
    if (isPut) repair.change(plan.before.get(resource)?.role === 'accepted' ? 'accepted' : 'undone', resource, wanted);
  }
}

/** Collects what is to change in databases; reads only. */
export async function reinstateRows(repair: RunningRepair, plan: ReinstatePlan): Promise<void> {
  const { databases } = repair;
  for (const { record, effect, shown } of await takenBackBy(repair)) {
    if (!('database' in effect)) continue;
    const note = databases.undo(record.stepId, effect, shown);
    if (note !== undefined) repair.note(note);
  }
  const made = new Map<string, ResourceState>();
  for (const { stepId, effects } of plan.reinstated)
    for (const { effect, after, outcome } of effects) {
      if (!('database' in effect) || outcome !== 'applied') continue;
      databases.make(stepId, effect, after);
      const uri = uriOf(effect);
      if (uri !== undefined) made.set(uri, after);
    }
  // What a person has accepted in place of what a step made, and what others had filled in of it.
  for (const [uri, after] of made) {
    const wanted = wholeRow(plan, uri);
    const resource = parseResource(uri);
    if (resource.kind !== 'row' || wanted === undefined || sameState(after, wanted)) continue;
    const { database, table, key } = resource;
    databases.reset({ database, table, key, shown: rowState(after), wanted, resource: uri });
  }
}

function wholeRow({ wanted, rewind }: ReinstatePlan, uri: string): RowState | undefined {
  const state = wanted.get(uri);
  if (state === undefined) return undefined;
  const row = rowState(state);
  const kept = rewind.keptRows?.[uri];
  if (row.kind !== 'row' || kept?.kind !== 'row') return row;
  return { kind: 'row', columns: { ...kept.columns, ...row.columns } };
}

/** What goes first, from within; then what comes, from without. Reads only. */
export function reinstatedFiles(
  { context: { ledger, jobId } }: RunningRepair,
  { wanted }: ReinstatePlan,
): readonly ReinstatedFile[] {
  const paths = [...wanted].flatMap(([uri, state], place) => {
    const resource = parseResource(uri);
    if (resource.kind !== 'file') return [];
    const shown = fileState(ledger.manifestEntry(jobId, uri)?.state ?? ABSENT);
    return [{ path: resource.path, resource: uri, place, shown, wanted: fileState(state) }];
  });
  const depth = ({ path }: ReinstatedFile): number => path.split('/').length;
  const going = paths.filter((one) => one.wanted.kind === 'absent').sort((a, b) => depth(b) - depth(a));
  const coming = paths.filter((one) => one.wanted.kind !== 'absent').sort((a, b) => depth(a) - depth(b));
  return [...going, ...coming];
}

/** The records of what counts again. In the transaction that ends the repair, behind its own record. */
export function reinstatedRecords(
  { sealed, context: { jobId } }: RunningRepair,
  { reinstated, before }: ReinstatePlan,
): readonly NewRecord[] {
  const generations = new Map(sealed.reruns.map(({ stepId, generation }) => [stepId, generation]));
  return reinstated.map((record) => {
    const { schemaVersion: _version, seq: _seq, jobId: _jobId, at: _at, runId: _runId, ...fields } = record;
    const generation = generations.get(requestedStepOf(record.stepId))!;
    const token = tokenOf({ jobId, stepId: record.stepId, generation });
    return { ...fields, generation, token, changes: changesThatCount(record, before) };
  });
}

/** Without what a decision has put in the place of what the step made: the repair's own record has that. */
function changesThatCount({ seq, changes }: StepRecord, before: ReinstatePlan['before']): Change[] {
  return changes.filter(({ resource, role }) => {
    const entry = before.get(resource);
    return role === 'read' || entry === undefined || entry.seq <= seq || entry.stepId !== undefined;
  });
}
