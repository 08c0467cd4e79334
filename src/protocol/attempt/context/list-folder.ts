/** How a step lists a folder: what the workspace shows, with what the step has staged in it. */
import { listingDigest } from '../../look/digests.ts';
import type { Attempt } from '../attempt.ts';
import type { FileInfo } from '../../../model/step/step-files.ts';

/** Sorted by path. @throws HoldfastError `not-found`, `bad-input`, `permission-denied` */
export async function listFolder(
  { workspace, stage, signal }: Attempt,
  given: string,
  recursive: boolean,
): Promise<readonly FileInfo[]> {
  signal.throwIfAborted();
  const folder = workspace.files.normaliseFolder(given);
  const found = await workspace.files.list(folder, recursive);
  stage.listings.push({ folder, recursive, entries: listingDigest(found) });
  const entries = new Map(found.map((info) => [info.path, info]));
  for (const path of stage.files.keys()) {
    if (!isListed(path, folder, recursive)) continue;
    const state = stage.stagedState(path)!;
    if (state.kind === 'absent') entries.delete(path);
    else entries.set(path, { path, kind: state.kind, sizeBytes: state.kind === 'file' ? state.sizeBytes : 0 });
  }
  return [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function isListed(path: string, folder: string, recursive: boolean): boolean {
  const prefix = folder === '' ? '' : `${folder}/`;
  return path.startsWith(prefix) && (recursive || !path.slice(prefix.length).includes('/'));
}
