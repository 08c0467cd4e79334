/** A command sees what its step has staged: it is placed in the copy, as it will be applied. */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { folderOf } from '../../../effects/files/path.ts';
import { removeTree } from '../../../effects/files/remove-tree.ts';
import type { Tree } from '../../../effects/files/tree.ts';
import type { FileState } from '../../../model/record/world.ts';
import type { PathSelection } from '../../../model/step/path-selection.ts';
import type { Attempt } from '../attempt.ts';

/** @param workspace as it was copied */
export async function placeStaged(
  attempt: Attempt,
  selection: PathSelection,
  workspace: Tree,
  copy: string,
): Promise<void> {
  const { stage } = attempt;
  const staged = [...stage.files.keys()]
    .filter((path) => selection.has(path))
    .sort()
    .map((path) => ({ path, state: stage.stagedState(path)! }));
  // From below, so that what is in a folder goes before the folder.
  for (const { path, state } of staged.toReversed()) if (state.kind === 'absent') await removeTree(`${copy}/${path}`);
  for (const { path, state } of staged) {
    const shown = state.kind === 'file' ? { ...state, mode: appliedMode(attempt, workspace, path, state.mode) } : state;
    await place(attempt, `${copy}/${path}`, shown);
  }
}

/** The mode of a file that is replaced stays unless the step said another. */
function appliedMode({ stage }: Attempt, workspace: Tree, path: string, stagedMode: number): number {
  const staged = stage.files.get(path);
  const replaced = workspace.get(path);
  const keepsMode = staged?.kind === 'write' && staged.mode === undefined && replaced?.kind === 'file';
  return keepsMode ? replaced.mode : stagedMode;
}

async function place({ workspace, stage }: Attempt, place: string, state: FileState): Promise<void> {
  if (state.kind === 'absent') return;
  mkdirSync(folderOf(place), { recursive: true });
  if (state.kind === 'directory') {
    mkdirSync(place, { recursive: true });
    chmodSync(place, state.mode);
    return;
  }
  rmSync(place, { force: true });
  if (state.kind === 'symlink') return symlinkSync(state.target, place);
  if (state.kind !== 'file') return;
  const small = stage.contents.get(state.content);
  if (small === undefined) return void (await workspace.blobs.copyTo(state.content, place, state.mode));
  writeFileSync(place, small);
  chmodSync(place, state.mode);
}
