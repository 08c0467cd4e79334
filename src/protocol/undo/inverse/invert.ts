/**
 * What puts back what a step had staged: the same changes the other way round, the last first.
 *
 * Invariants
 * 1. A resource is put back only where the world shows exactly what the step's record has of it, or what the job itself
 *    has made of it since. What is as before already is not touched; for anything else a person decides, for exactly
 *    what was found.
 * 2. What a decision leaves unchanged stays so for the older records of the same resource.
 * 3. What databases changed by themselves is put back last, and named where the record does not have it.
 * 4. Rows of somebody else that foreign keys would take along are asked about first.
 * 5. A row that is deleted goes into the record with all its columns, also those that others have added.
 */
import { invariant } from '../../../model/invariant.ts';
import { describeEffect } from '../../../model/record/effect-text.ts';
import { inUndoOrder, uriOf, type SqlEffect } from '../../../model/record/effect.ts';
import { invertFile } from './invert-file.ts';
import { invertRow } from './invert-row.ts';
import { lookAtRows } from './row-sighting.ts';
import { spareOthers } from './spare-others.ts';
import { RunningInversion } from './running-inversion.ts';
import type { UndoTarget } from './inverse.ts';

/** Looks at every resource; writes nothing. @throws HoldfastError `storage-unreachable` and what else may pass */
export async function inverseOf(target: UndoTarget): Promise<RunningInversion> {
  const { record, skip } = target;
  const inversion = new RunningInversion(target);
  const rows = await lookAtRows(target);
  const placed = record.effects.map((applied, place) => ({ ...applied, applied, place }));
  for (const { applied, place, effect, outcome } of inUndoOrder(placed)) {
    if (outcome !== 'applied' || skip.has(place) || effect.kind === 'perform') continue;
    if (inversion.isCompensated(uriOf(effect))) continue;
    if ('path' in effect) await invertFile(inversion, effect);
    else if (effect.kind === 'sql') invertStatement(inversion, effect);
    else {
      const sighting = rows.get(place);
      invariant(sighting !== undefined, 'every row that is undone was looked at');
      await invertRow(inversion, effect, applied.after, sighting);
    }
  }
  await spareOthers(inversion);
  if (!target.isCompensated) for (const { what, why } of record.unrecorded ?? []) inversion.leave(what, why);
  return inversion;
}

function invertStatement(inversion: RunningInversion, effect: SqlEffect): void {
  const { database, writes, undo } = effect;
  if (undo !== undefined)
    inversion.changes.push({ kind: 'sql', database, text: undo.text, params: undo.params, writes });
  else if (!inversion.target.isCompensated)
    inversion.leave(
      describeEffect(effect),
      'the statement has no undo, and no compensation of the step has seen to it',
    );
}
