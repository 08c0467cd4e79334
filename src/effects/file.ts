/** File effects, in one place to import from. What each part keeps true stands in its own file. */
export { isCaptured } from './file-captured.ts';
export { changeOf, checkFile, discardPrepared, prepareFile, type ChangeName, type FileChange, type PreparedFile } from './file-change.ts';
export { commitFile, putFile, syncFolders, type CommitMoment, type CommitOptions, type CommitOutcome } from './file-commit.ts';
export { describeFileDifference, type ContentReader, type FileDifference } from './file-difference.ts';
export { findLeftovers, removeLeftovers, type Leftover } from './file-leftovers.ts';
export { listFolder } from './file-list.ts';
export { glanceAt, observeFile, observeFiles, type FileSighting, type FileStamp, type ObserveOptions } from './file-observation.ts';
export { HOLDFAST_DIRECTORY, isReservedName, normaliseFolder, normalisePath } from './file-path.ts';
export { isReservedFile, refuseReservedFile } from './file-reserved.ts';
export { refuseSameTargets, type FileTarget } from './file-targets.ts';
export { openFileWorkspace, type FileWorkspace, type FileWorkspaceOptions } from './file-workspace.ts';
