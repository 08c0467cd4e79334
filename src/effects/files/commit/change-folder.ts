/** Changes a folder's mode, or removes it where it is empty. */
import { closeSync, constants, fchmodSync, openSync } from 'node:fs';
import { removeDirectory, storageError, systemCode } from '../../../store/durable-file.ts';
import { atPoints, faultPoint } from '../../../store/fault-point.ts';
import { createTarget } from './create.ts';
import type { CommitOutcome } from './outcome.ts';
import type { RunningCommit } from './running-commit.ts';

export async function changeFolder(commit: RunningCommit): Promise<CommitOutcome> {
  const { after } = commit.change;
  commit.moment('compared');
  try {
    if (after.kind === 'directory') changeFolderMode(commit.target, after.mode);
    else removeDirectory(commit.target);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return await commit.conflict('the folder is not empty');
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP')
      return await commit.conflict('it was replaced at this moment');
    throw storageError('change', commit.target, error);
  }
  if (after.kind !== 'directory' && after.kind !== 'absent') return createTarget(commit, false);
  faultPoint('commit.file-renamed');
  commit.moment('placed');
  commit.sync();
  return commit.applied();
}

/** Never through a symbolic link that took the folder's place. */
function changeFolderMode(path: string, mode: number): void {
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    atPoints('chmod', () => fchmodSync(folder, mode));
  } finally {
    closeSync(folder);
  }
}
