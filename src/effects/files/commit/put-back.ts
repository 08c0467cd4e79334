/**
 * Puts back what was taken away and is not what was expected. If its place is taken again, its bytes go to the store.
 */
import { lstatSync } from 'node:fs';
import { linkFile, renameFile, systemCode, unlinkFile } from '../../../store/durable-file.ts';
import { dropCaptured } from '../captured.ts';
import type { CommitOutcome } from './outcome.ts';
import type { RunningCommit } from './running-commit.ts';

const REPLACED = 'it was replaced at this moment';

export async function putBack(commit: RunningCommit, captured: string): Promise<CommitOutcome> {
  const isFolder = lstatSync(captured).isDirectory();
  try {
    // A folder can't have two names; nobody's file is in the way of its rename, which at most replaces an empty folder.
    if (isFolder) renameFile(captured, commit.target);
    else linkFile(captured, commit.target);
    if (!isFolder) unlinkFile(captured);
    commit.folder.sync();
    return await commit.conflict(REPLACED);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EEXIST' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
  }
  // What has no content stays where it was taken to.
  if (!lstatSync(captured).isFile()) return commit.conflict(REPLACED);
  const { content } = await commit.blobs.putFromFile(captured);
  dropCaptured(captured);
  return { ...(await commit.conflict(REPLACED)), stored: content };
}
