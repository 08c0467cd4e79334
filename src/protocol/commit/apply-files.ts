/**
 * The files' part of an intent: checked before anything is applied, then renamed into place, in the intent's order.
 *
 * Invariant: a target is replaced only while it shows the state before the effect, or what a person decided may be
 * replaced; otherwise it is a conflict.
 */
import { Turns } from '../../effects/turns.ts';
import { changesKind, namesBefore, type FileEffect } from '../../model/record/effect.ts';
import { formatResource } from '../../model/record/resource.ts';
import { sameState, type FileState } from '../../model/record/world.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import type { Conflict } from '../question/conflict.ts';
import { fileEffects, type Application, type PlacedEffect } from './application.ts';
import type { ApplyObstacle } from './apply-outcome.ts';
import type { PlacedMark } from './effect-marks.ts';
import { MAX_FILES_ONE_BY_ONE } from './prepare.ts';

const FILES_A_BATCH = 50;

/**
 * Targets as they were when the intent was sealed, other names that they have been given since included; or (rolling
 * forward) already as wanted.
 */
export async function checkFiles(application: Application): Promise<ApplyObstacle | undefined> {
  const { job, intent, files, marks, isRollForward } = application;
  const conflicts: Conflict[] = [];
  const turns = new Turns();
  for (const [index, effect] of fileEffects(intent)) {
    if (marks.isMade(index)) continue;
    await turns.take();
    const found = await job.workspace.files.stateNow(effect.path, files.seen.get(effect.path));
    const mayHaveNames = found.kind === 'file' && !isRollForward;
    const hasNewNames = mayHaveNames && job.workspace.files.names(effect.path) > namesBefore(effect);
    if (sameState(found, effect.before) && !hasNewNames) continue;
    if (!isRollForward) {
      // A folder that somebody has created meanwhile is what this step wants.
      if (effect.kind === 'directory.create' && sameState(found, effect.after)) continue;
      return { kind: 'stale', resource: formatResource({ kind: 'file', path: effect.path }) };
    }
    if (!mayRollForward(application, [index, effect], found)) conflicts.push(conflictOf([index, effect], found));
  }
  return conflicts.length > 0 ? { kind: 'conflicts', conflicts } : undefined;
}

/** Returns the first conflict; what comes after it is not made. */
export async function commitFiles({ job, intent, files, marks }: Application): Promise<Conflict | undefined> {
  const { workspace } = job;
  const effects = fileEffects(intent).filter(([index]) => !marks.isMade(index));
  const turns = new Turns();
  // Of many files a batch shares the fsync of its folders and the commit of its marks.
  const batchSize = effects.length > MAX_FILES_ONE_BY_ONE ? FILES_A_BATCH : 1;
  let batch: PlacedEffect<FileEffect>[] = [];
  const endBatch = async (): Promise<void> => {
    if (batch.length === 0) return;
    if (batchSize > 1) workspace.files.syncFolders(batch.map(([, { path }]) => path));
    marks.add(batch.map(([index, { after }]): PlacedMark => [index, { outcome: 'applied', after }]));
    batch = [];
    await faultPointAsync('commit.effect-marked');
  };
  for (const [index, effect] of effects) {
    const outcome = await workspace.files.commit(files.prepared[index]!, { deferSync: batchSize > 1 });
    if (outcome.kind === 'conflict') {
      await endBatch();
      marks.writeNow();
      return conflictOf([index, effect], outcome.found);
    }
    batch.push([index, effect]);
    if (batch.length === batchSize) await endBatch();
    await turns.take();
  }
  await endBatch();
  await faultPointAsync('read-back.after');
  return undefined;
}

/** A target that is not as before: as wanted already, taken away on the way to it, or given up by a person. */
function mayRollForward({ marks }: Application, [index, effect]: PlacedEffect<FileEffect>, found: FileState): boolean {
  if (sameState(found, effect.after) || (found.kind === 'absent' && changesKind(effect))) return true;
  const mark = marks.of(index);
  return mark?.outcome === 'overwrite' && sameState(found, mark.after);
}

function conflictOf([index, effect]: PlacedEffect<FileEffect>, found: FileState): Conflict {
  return {
    effect: index,
    resource: formatResource({ kind: 'file', path: effect.path }),
    expectedBefore: effect.before,
    expectedAfter: effect.after,
    found,
  };
}
