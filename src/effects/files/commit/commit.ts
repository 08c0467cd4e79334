/**
 * Commits a prepared change under the lock: compares once more, replaces, and proves afterwards that nothing was lost.
 *
 * Invariants
 * 1. Nothing is replaced or removed that isn't, byte for byte, what the change expects; otherwise the outcome says what
 *    was found and nothing has changed.
 * 2. A new file is placed by `link`, which replaces nothing; a removal takes the file away by `rename` and looks at
 *    what it took: neither has a gap. A replacement has one, between the last comparison and the rename, two system
 *    calls in a row: a file that somebody renames there in between is lost. What is written into the old file meanwhile
 *    is not.
 * 3. Committing again after a crash at any point ends in the same state, and finds what the first attempt captured.
 */
import { ABSENT, type FileState } from '../../../model/record/world.ts';
import type { BlobStore } from '../../../store/blobs/blobs.ts';
import { faultPoint } from '../../../store/fault-point.ts';
import { namedByFile } from '../captured.ts';
import type { ChangeName } from '../change.ts';
import { OpenFolder } from '../open-folder.ts';
import { folderOf } from '../path.ts';
import { discardPrepared, prepareFile, type PreparedFile } from '../prepare.ts';
import type { FileWorkspace } from '../workspace.ts';
import { changeTarget } from './change-target.ts';
import type { CommitOptions, CommitOutcome } from './outcome.ts';
import { RunningCommit } from './running-commit.ts';

/**
 * Commits a prepared change. About 0.25 ms for a small file. Safe to repeat, with the same or a newly prepared change.
 * @throws HoldfastError `outside-workspace`, `permission-denied`, `storage-failed`; `busy` when the prepared file has
 *   gone: prepare again
 */
export async function commitFile(
  workspace: FileWorkspace,
  prepared: PreparedFile,
  blobs: BlobStore,
  options: CommitOptions = {},
): Promise<CommitOutcome> {
  faultPoint('commit.file-before');
  let outcome: CommitOutcome | undefined;
  try {
    await prepared.durable;
    outcome = await commitInFolder(workspace, prepared, blobs, options);
    return outcome;
  } finally {
    // Only a change that was made has used its temporary file up.
    const isUsed = outcome?.outcome === 'applied' && !outcome.wasThere;
    if (!isUsed) discardPrepared(workspace, prepared);
  }
}

/**
 * Puts a path to exactly this state (restore, undo) if it shows what is expected now. What is replaced is in the store
 * afterwards; a folder is removed only when it is empty. Safe to repeat. @throws as `prepareFile` and `commitFile`
 */
export async function putFile(
  workspace: FileWorkspace,
  path: string,
  state: FileState,
  blobs: BlobStore,
  options: CommitOptions & { readonly expectedNow: FileState; readonly name: ChangeName },
): Promise<CommitOutcome> {
  const change = { path, before: options.expectedNow, after: state };
  return commitFile(workspace, await prepareFile(workspace, change, blobs, options.name), blobs, options);
}

/** The fsyncs that `deferSync` left out: once a folder. */
export function syncFolders(workspace: FileWorkspace, paths: readonly string[]): void {
  for (const place of new Set(paths.map(folderOf))) {
    const folder = OpenFolder.open(workspace, place);
    try {
      folder?.sync();
    } finally {
      folder?.close();
    }
  }
}

async function commitInFolder(
  workspace: FileWorkspace,
  prepared: PreparedFile,
  blobs: BlobStore,
  options: CommitOptions,
): Promise<CommitOutcome> {
  const { path, after } = prepared.change;
  const folder = OpenFolder.open(workspace, folderOf(path));
  if (folder === undefined) {
    if (after.kind === 'absent') return { outcome: 'applied', wasThere: true };
    const reason = `its folder "${folderOf(path)}" is missing`;
    return { outcome: 'conflict', found: { outcome: 'seen', state: ABSENT }, reason };
  }
  try {
    return await changeTarget(new RunningCommit({ workspace, folder, prepared, blobs, options }));
  } catch (error) {
    throw namedByFile(workspace, path, error);
  } finally {
    folder.close();
  }
}
