/**
 * Replaces a file or a symbolic link by a rename over it.
 *
 * Invariant: between the last comparison and the rename lies no other system call. Node.js has no call that exchanges
 * two names (RENAME_EXCHANGE), and a second link made there would close nothing: what is renamed onto the target after
 * it is as lost as after a comparison.
 */
import { readlinkSync } from 'node:fs';
import { invariant } from '../../../model/invariant.ts';
import { renameFile, storageError, systemCode, unlinkFile } from '../../../store/durable-file.ts';
import { faultPoint } from '../../../store/fault-point.ts';
import { dropCaptured } from '../captured.ts';
import type { OldFile } from '../old-file.ts';
import { temporaryName } from '../temporary.ts';
import { makeLink } from './create.ts';
import type { CommitOutcome } from './outcome.ts';
import { withTemporary } from './place.ts';
import type { RunningCommit } from './running-commit.ts';
import { storeIfUnknown } from './settle.ts';

const REPLACED = 'it was replaced at this moment';

/**
 * Replaces the file that was opened and compared. What it holds afterwards, read through its descriptor, is either what
 * was expected or stored.
 */
export async function replaceFile(
  commit: RunningCommit,
  old: OldFile,
  captured: string | undefined,
): Promise<CommitOutcome> {
  const { before } = commit.change;
  invariant(before.kind === 'file', 'only a file is replaced as a file');
  const isPlaced = withTemporary(commit, (temporary) => {
    if (!commit.isAtTarget(old)) return false;
    commit.moment('compared');
    renameFile(temporary, commit.target);
    return true;
  });
  if (!isPlaced) return commit.conflictDropping(captured, REPLACED);
  faultPoint('commit.file-renamed');
  commit.moment('placed');
  commit.sync();
  commit.moment('synced');
  const afterwards = await old.state();
  if (afterwards.content === before.content) {
    await storeIfUnknown(commit, old, afterwards.content);
    commit.reportOtherNames(old, captured);
    dropCaptured(captured);
    return commit.applied();
  }
  const { content, sizeBytes } = await old.store(commit.blobs);
  dropCaptured(captured);
  return { outcome: 'written-meanwhile', stored: content, sizeBytes };
}

/** A symbolic link holds nothing but its target, which the record has. */
export async function replaceLink(commit: RunningCommit): Promise<CommitOutcome> {
  if (!placeOverLink(commit)) return await commit.conflict(REPLACED);
  faultPoint('commit.file-renamed');
  commit.moment('placed');
  commit.sync();
  return commit.applied();
}

/** False: it is not the link any more that the change expects. */
function placeOverLink(commit: RunningCommit): boolean {
  const { after } = commit.change;
  if (after.kind === 'file') return withTemporary(commit, (temporary) => renameOverLink(commit, temporary));
  invariant(after.kind === 'symlink', 'a rename puts only a file or a link in the place of a link');
  const temporary = commit.folder.at(temporaryName(commit.name));
  makeLink(after.target, temporary);
  const isPlaced = renameOverLink(commit, temporary);
  if (!isPlaced) unlinkFile(temporary);
  return isPlaced;
}

function renameOverLink(commit: RunningCommit, temporary: string): boolean {
  const { before } = commit.change;
  if (before.kind !== 'symlink' || linkTargetOf(commit.target) !== before.target) return false;
  commit.moment('compared');
  renameFile(temporary, commit.target);
  return true;
}

/** Undefined: nothing is there, or no link. */
function linkTargetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'EINVAL') return undefined;
    throw storageError('look at', path, error);
  }
}
