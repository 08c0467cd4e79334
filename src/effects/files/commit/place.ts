/** The temporary file of a commit, on its way into place. */
import { lstatSync } from 'node:fs';
import { HoldfastError } from '../../../model/failure.ts';
import { invariant } from '../../../model/invariant.ts';
import { sameState } from '../../../model/record/world.ts';
import { OpenFolder } from '../open-folder.ts';
import { folderOf } from '../path.ts';
import { versionOf } from '../temporary.ts';
import type { RunningCommit } from './running-commit.ts';

/**
 * Hands the temporary file to `place`, which gives it the target's name, and returns what that returns.
 * @throws HoldfastError `busy` where it is no longer the file that was prepared
 */
export function withTemporary<T>(commit: RunningCommit, place: (temporary: string) => T): T {
  const { temporary } = commit.prepared;
  const { path, after } = commit.change;
  if (temporary === undefined) throw hasGone(path);
  invariant(sameState(temporary.holds, after), 'the temporary file holds what the change puts in place');
  const isBeside = temporary.folder === folderOf(path);
  const folder = isBeside ? commit.folder : OpenFolder.open(commit.workspace, temporary.folder);
  if (folder === undefined) throw hasGone(path);
  try {
    const absolute = folder.at(temporary.name);
    const stat = lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || versionOf(stat) !== temporary.version) throw hasGone(path);
    return place(absolute);
  } finally {
    if (!isBeside) folder.close();
  }
}

function hasGone(path: string): HoldfastError {
  return new HoldfastError('busy', `The file prepared for "${path}" has gone. It is prepared again.`, { path });
}
