/** Files that a repair puts to a state; what is replaced is captured. */
import { uriOf, type FileEffect } from '../../../model/record/effect.ts';
import { otherNames, whyNotJoined } from '../../../model/record/other-names.ts';
import type { FileState } from '../../../model/record/world.ts';
import type { RepairPart, RunningRepair } from '../running/running-repair.ts';
import { orUnchanged, Unchanged } from './unchanged.ts';

export interface FileReset {
  readonly path: string;
  /** What it is undone or put back for. */
  readonly part: RepairPart;
  /** The state in which the file is changed. */
  readonly shown: FileState;
  readonly wanted: FileState;
}

/** False, and noted: the file was not in the state `shown`, or could not be changed. Safe to repeat. */
export async function resetFile(repair: RunningRepair, { path, part, shown, wanted }: FileReset): Promise<boolean> {
  const { files } = repair.context.workspace;
  const resource = `file:${path}`;
  repair.paths.push(path);
  const outcome = await orUnchanged(() => files.put(path, wanted, shown, repair.nameOf(part)));
  if (!(outcome instanceof Unchanged)) {
    // Of a file that is put back over several states: what was found there first.
    if (outcome.captured !== undefined) repair.captured[resource] ??= outcome.captured;
    if (outcome.kind === 'done') {
      const others = otherNames(outcome.names ?? 1, 'keeps');
      repair.note(`${resource}: put back${others === undefined ? '' : `; ${others} what it held`}`);
      return true;
    }
  }
  repair.stays(`${resource}: unchanged (${outcome.reason})`);
  return false;
}

/** A file that had other names (hard links) before the effect that was undone. */
export function noteNotJoined(repair: RunningRepair, effect: FileEffect): void {
  const why = whyNotJoined(effect);
  if (why !== undefined) repair.note(`${uriOf(effect)}: ${why}`);
}

/**
 * Removes a folder that a step made, where it is empty: it may hold what a person put there. False, noted: it stays.
 */
export async function removeEmptyFolder(
  repair: RunningRepair,
  { path, part, shown, wanted }: FileReset,
): Promise<boolean> {
  const { files } = repair.context.workspace;
  // An attempt that was killed may have left something in it, which would keep the folder.
  const within = repair.paths.filter((one) => one.startsWith(`${path}/`));
  if (within.length > 0) await files.removeLeftovers(repair.sealed.digest, within);
  repair.paths.push(path);
  const outcome = await orUnchanged(() => files.put(path, wanted, shown, repair.nameOf(part)));
  if (!(outcome instanceof Unchanged) && outcome.kind === 'done') return true;
  repair.note(`file:${path}: stays (${outcome.reason})`);
  return false;
}

/** Undefined, and noted: the path cannot be looked at, so that it stays as it is. */
export async function fileNow(repair: RunningRepair, path: string): Promise<FileState | undefined> {
  const now = await orUnchanged(() => repair.context.workspace.files.stateNow(path));
  if (!(now instanceof Unchanged)) return now;
  repair.stays(`file:${path}: unchanged (${now.reason})`);
  return undefined;
}
