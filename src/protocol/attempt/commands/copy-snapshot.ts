/** The workspace, and a command's copy of it, as they were when the command began. */
import type { Digest } from '../../../model/digest.ts';
import { folderOf } from '../../../effects/files/path.ts';
import type { Tree } from '../../../effects/files/tree.ts';

export interface CopySnapshot {
  readonly workspace: Tree;
  /** Folders of the workspace in which there is more than what was copied of them. */
  readonly partial: ReadonlySet<string>;
  /** What of the workspace was copied. */
  readonly copied: Tree;
  /** The copy, with what the step had staged. */
  readonly copy: Tree;
  /** Contents of copied files so young that stat could not tell a change. */
  readonly young: ReadonlyMap<string, Digest>;
  /** What the git indexes of the workspace say. */
  readonly indexes: ReadonlyMap<string, string>;
}

export const NOTHING_COPIED: CopySnapshot = {
  workspace: new Map(),
  partial: new Set(),
  copied: new Map(),
  copy: new Map(),
  young: new Map(),
  indexes: new Map(),
};

/** Is there more in a folder of the workspace than what the command was given of it? Then the folder stays. */
export function holdsMore({ partial, copy }: Pick<CopySnapshot, 'partial' | 'copy'>, folder: string): boolean {
  return copy.get(folder)?.kind === 'directory' && partial.has(folder);
}

/** Each path is looked at once, however many folders a command removes. */
export function partialFolders(workspace: Tree, copied: Pick<Tree, 'has'>): ReadonlySet<string> {
  const partial = new Set<string>();
  for (const path of workspace.keys()) {
    if (copied.has(path)) continue;
    for (let folder = folderOf(path); folder !== '' && !partial.has(folder); folder = folderOf(folder))
      partial.add(folder);
  }
  return partial;
}
