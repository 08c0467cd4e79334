/** Creates what is not there: what comes must not replace what somebody puts there at this moment. */
import { lstatSync, symlinkSync } from 'node:fs';
import { HoldfastError } from '../../../model/failure.ts';
import { linkFile, renameFile, storageError, systemCode, unlinkFile } from '../../../store/durable-file.ts';
import { atPoints, faultPoint } from '../../../store/fault-point.ts';
import type { CommitOutcome } from './outcome.ts';
import { withTemporary } from './place.ts';
import type { RunningCommit } from './running-commit.ts';
import { settleTakenAway } from './settle.ts';

/** @param isTakenAway what stood there was captured, by this attempt or an earlier one */
export async function createTarget(commit: RunningCommit, isTakenAway: boolean): Promise<CommitOutcome> {
  commit.moment('compared');
  try {
    create(commit);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EEXIST' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
    await settleTakenAway(commit);
    return await commit.conflict('it was created at this moment');
  }
  faultPoint('commit.file-renamed');
  commit.moment('placed');
  commit.sync();
  commit.moment('synced');
  return isTakenAway ? settleTakenAway(commit) : commit.applied();
}

export function makeLink(target: string, path: string): void {
  try {
    atPoints('symlink', () => symlinkSync(target, path));
  } catch (error) {
    throw storageError('symlink', path, error);
  }
}

function create(commit: RunningCommit): void {
  const { path, after } = commit.change;
  switch (after.kind) {
    case 'file':
      return withTemporary(commit, (temporary) => linkOrRename(temporary, commit.target));
    case 'directory':
      return withTemporary(commit, (temporary) => renameToNothing(temporary, commit.target));
    case 'symlink':
      return makeLink(after.target, commit.target);
    case 'other':
      throw new HoldfastError('bad-input', `"${path}" was a ${after.what}, which cannot be put back.`, { path });
    case 'absent':
      return;
  }
}

function linkOrRename(temporary: string, target: string): void {
  try {
    linkFile(temporary, target);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
    // No hard links here: a comparison and a rename have to do.
    return renameToNothing(temporary, target, 'link');
  }
  unlinkFile(temporary);
}

/** A rename would replace a file or an empty folder. */
function renameToNothing(temporary: string, target: string, operation = 'rename'): void {
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined)
    throw storageError(operation, target, Object.assign(new Error('exists'), { code: 'EEXIST' }));
  renameFile(temporary, target);
}
