/** Replaces a file or a symbolic link by a rename over it. */
import { invariant } from '../../../model/invariant.ts';
import { renameFile } from '../../../store/durable-file.ts';
import { faultPoint } from '../../../store/fault-point.ts';
import { dropCaptured } from '../captured.ts';
import type { OldFile } from '../old-file.ts';
import { temporaryName } from '../temporary.ts';
import { makeLink } from './create.ts';
import type { CommitOutcome } from './outcome.ts';
import { withTemporary } from './place.ts';
import type { RunningCommit } from './running-commit.ts';
import { storeIfUnknown } from './settle.ts';

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
  if (!commit.isAtTarget(old)) return commit.conflictDropping(captured, 'it was replaced at this moment');
  commit.moment('compared');
  withTemporary(commit, (temporary) => renameFile(temporary, commit.target));
  faultPoint('commit.file-renamed');
  commit.moment('placed');
  commit.sync();
  commit.moment('synced');
  const afterwards = await old.state();
  if (afterwards.content === before.content) {
    await storeIfUnknown(commit, old, afterwards.content);
    dropCaptured(captured);
    return commit.applied();
  }
  const { content, sizeBytes } = await old.store(commit.blobs);
  dropCaptured(captured);
  return { outcome: 'written-meanwhile', stored: content, sizeBytes };
}

/** A symbolic link holds nothing but its target, which the record has. */
export function replaceLink(commit: RunningCommit): CommitOutcome {
  const { after } = commit.change;
  commit.moment('compared');
  if (after.kind === 'file') {
    withTemporary(commit, (temporary) => renameFile(temporary, commit.target));
  } else if (after.kind === 'symlink') {
    const temporary = commit.folder.at(temporaryName(commit.name));
    makeLink(after.target, temporary);
    renameFile(temporary, commit.target);
  }
  faultPoint('commit.file-renamed');
  commit.moment('placed');
  commit.sync();
  return commit.applied();
}
