/** File effects, in one place to import from. What each part keeps true stands in its own file. */
export { isCaptured } from './captured.ts';
export {
  changeOf,
  checkFile,
  discardPrepared,
  prepareFile,
  type ChangeName,
  type FileChange,
  type PreparedFile,
} from './change.ts';
export {
  commitFile,
  putFile,
  syncFolders,
  type CommitMoment,
  type CommitOptions,
  type CommitOutcome,
} from './commit.ts';
export { describeFileDifference, type ContentReader, type FileDifference } from './difference.ts';
export { findLeftovers, removeLeftovers, type Leftover } from './leftovers.ts';
export { listFolder } from './list.ts';
export {
  glanceAt,
  observeFile,
  observeFiles,
  type FileSighting,
  type FileStamp,
  type ObserveOptions,
} from './observation.ts';
export { HOLDFAST_DIRECTORY, isReservedName, normaliseFolder, normalisePath } from './path.ts';
export { isReservedFile, refuseReservedFile } from './reserved.ts';
export { refuseSameTargets, type FileTarget } from './targets.ts';
export { openFileWorkspace, type FileWorkspace, type FileWorkspaceOptions } from './workspace.ts';
