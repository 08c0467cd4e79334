/**
 * `rerun`: steps run again. What they did is undone first, newest first; each effect only where the world shows it, or
 * what the question showed.
 */
import type { Finding } from '../../../model/question/finding.ts';
import { inUndoOrder, uriOf, type FileEffect } from '../../../model/record/effect.ts';
import { StepHistory } from '../../compare/step-history.ts';
import type { AppliedEffect, StepRecord } from '../../../model/record/record.ts';
import type { ResourceState } from '../../../model/record/world.ts';
import { acceptFound } from './accept.ts';
import { fileNow, noteNotJoined, removeEmptyFolder, resetFile } from '../changes/files.ts';
import { fileState } from '../../../model/record/narrowed-state.ts';
import type { RunningRepair } from '../running/running-repair.ts';

/** A resource's drift becomes the record. A stuck step has no state to accept. */
export async function rerun(repair: RunningRepair, finding: Finding): Promise<void> {
  if (finding.class === 'discrepancy') await acceptFound(repair, finding);
}

/** Undoes what the steps that run again have in the record. */
export async function undoReruns(repair: RunningRepair): Promise<void> {
  const { ledger, jobId } = repair.context;
  const history = await StepHistory.of(ledger, jobId);
  const again = new Set(repair.sealed.reruns.map(({ stepId }) => stepId));
  const records = history.latest.filter(({ stepId }) => again.has(stepId)).reverse();
  const drifted = new Map(repair.question.findings.map(({ resource }) => [resource, repair.found(resource)]));
  for (const record of records) {
    for (const { index, ...applied } of inUndoOrder(record.effects.map((one, index) => ({ ...one, index })))) {
      const uri = uriOf(applied.effect);
      const entry = uri === undefined ? undefined : ledger.manifestEntry(jobId, uri);
      if (entry?.stepId !== undefined && !again.has(entry.stepId))
        repair.note(`${uri}: step ${entry.stepId} has changed it since; it is not undone`);
      else await undoEffect(repair, [record, index], applied, uri === undefined ? undefined : drifted.get(uri));
    }
  }
}

/** A record, and which of its effects. */
type EffectPlace = readonly [record: StepRecord, effect: number];

/** `drift`: what the question showed of the effect's resource. */
async function undoEffect(
  repair: RunningRepair,
  place: EffectPlace,
  { effect, after, outcome }: AppliedEffect,
  drift: ResourceState | undefined,
): Promise<void> {
  if (outcome !== 'applied' || effect.kind === 'perform') return;
  const shown = drift ?? after;
  if ('path' in effect) return await undoFile(repair, place, effect, shown);
  const note = repair.databases.undo(effect, shown);
  if (note !== undefined) repair.note(note);
}

async function undoFile(
  repair: RunningRepair,
  [{ stepId, seq }, index]: EffectPlace,
  effect: FileEffect,
  shown: ResourceState,
): Promise<void> {
  const { path, before: wanted } = effect;
  const resource = uriOf(effect)!;
  const part = { kind: 'record', seq, effect: index } as const;
  const now = await fileNow(repair, path);
  if (now === undefined) return;
  if (effect.kind === 'directory.create' && now.kind === 'directory') {
    if (await removeEmptyFolder(repair, { path, part, shown: now, wanted })) repair.change('undone', resource, wanted);
  } else if (await resetFile(repair, { path, part, shown: fileState(shown), wanted })) {
    repair.change('undone', resource, wanted);
    noteNotJoined(repair, effect);
  } else {
    repair.note(`step ${stepId}: ${resource} could not be undone`);
  }
}
