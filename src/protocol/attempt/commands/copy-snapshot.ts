/** The workspace, and a command's copy of it, as they were when the command began. */
import type { Digest } from '../../../model/digest.ts';
import type { Tree } from '../../../effects/files/tree.ts';

export interface CopySnapshot {
  readonly workspace: Tree;
  /** What of the workspace was copied. */
  readonly copied: Tree;
  /** The copy, with what the step had staged. */
  readonly copy: Tree;
  /** Contents of copied files so young that stat could not tell a change. */
  readonly young: ReadonlyMap<string, Digest>;
}

/** Is there more in a folder of the workspace than what the command was given of it? Then the folder stays. */
export function holdsMore({ workspace, copied, copy }: CopySnapshot, folder: string): boolean {
  if (copy.get(folder)?.kind !== 'directory') return false;
  const prefix = `${folder}/`;
  return [...workspace.keys()].some((path) => path.startsWith(prefix) && !copied.has(path));
}
