/**
 * What the git indexes of the workspace said when a command began. Git writes an index anew whenever it only looks
 * (`git status`, an editor's window), also while a command runs on its copy: that is no change of the workspace.
 */
import { isGitIndexPath } from '../../../effects/files/git-index.ts';
import { entryAt, isSameEntry, type Tree } from '../../../effects/files/tree.ts';
import { indexMeaningAt } from '../../workspace/refreshed.ts';
import type { WorkspaceFiles } from '../../workspace/files.ts';

export interface IndexPlace {
  readonly files: WorkspaceFiles;
  /** The folder of the workspace. */
  readonly root: string;
}

/** By path, of those that are as the tree has them. */
export async function indexMeanings({ files, root }: IndexPlace, tree: Tree): Promise<ReadonlyMap<string, string>> {
  const meanings = new Map<string, string>();
  for (const [path, entry] of tree) {
    if (!isGitIndexPath(path)) continue;
    const sighting = await files.observe(path);
    const meaning = sighting.outcome === 'seen' ? await indexMeaningAt(files, path, sighting.state) : undefined;
    const now = entryAt(`${root}/${path}`);
    if (meaning !== undefined && now !== undefined && isSameEntry(entry, now)) meanings.set(path, meaning);
  }
  return meanings;
}
