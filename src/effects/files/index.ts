/** File effects, in one place to import from. The invariants of each part stand in its own file. */
export { isCaptured } from './captured.ts';
export { changeOf, checkFile, type ChangeName, type FileChange } from './change.ts';
export { commitFile, putFile, syncFolders } from './commit/commit.ts';
export type { CommitMoment, CommitOptions, CommitOutcome, WrittenMeanwhileOutcome } from './commit/outcome.ts';
export { describeFileDifference, type ContentReader, type FileDifference } from './difference.ts';
export { findLeftoverFiles, removeLeftoverFiles, type LeftoverFile } from './leftovers.ts';
export { listFolder } from './list.ts';
export { glanceAt, namesOf, observeFile, observeFiles, type ObserveOptions } from './observation.ts';
export { assertReplaceable } from './may-replace.ts';
export { openFileWorkspace } from './open-workspace.ts';
export { isReservedName, normaliseFolder, normalisePath } from './path.ts';
export { discardPrepared, prepareFile, type PreparedFile } from './prepare.ts';
export { isReservedFile, refuseReservedFile } from './reserved.ts';
export type { FileSighting, FileStamp } from './sighting.ts';
export { refuseSameTargets } from './targets.ts';
export type { FileWorkspace, FileWorkspaceOptions } from './workspace.ts';
