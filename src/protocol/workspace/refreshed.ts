/** A git index that is not as recorded byte for byte, and says the same: git has only looked. */
import { isGitIndexPath, meaningOfIndex } from '../../effects/files/git-index.ts';
import { isFailure } from '../../model/failure.ts';
import { sameState, type FileState, type ResourceState } from '../../model/record/world.ts';
import type { WorkspaceFiles } from './files.ts';
import type { Workspace } from './workspace.ts';

/** A larger index is compared byte for byte: one of about 100,000 files is read. */
const MAX_INDEX_BYTES = 16 * 1024 * 1024;

type File = Extract<FileState, { kind: 'file' }>;

/** False for whatever is no git index, or was not captured. Reads only. */
export async function isOnlyRefreshed(
  { files, blobs }: Pick<Workspace, 'files' | 'blobs'>,
  resource: string,
  recorded: ResourceState,
  found: ResourceState,
): Promise<boolean> {
  const path = resource.startsWith('file:') ? resource.slice('file:'.length) : '';
  if (!isGitIndexPath(path) || !isReadable(recorded) || !isReadable(found)) return false;
  if (!sameState({ ...recorded, content: found.content, sizeBytes: found.sizeBytes }, found)) return false;
  try {
    const before = meaningOfIndex(await blobs.read(recorded.content, { maxBytes: MAX_INDEX_BYTES }));
    if (before === undefined) return false;
    return (await indexMeaningAt(files, path, found)) === before;
  } catch (error) {
    // What can't be read tells nothing: the bytes count.
    if (isFailure(error)) return false;
    throw error;
  }
}

/**
 * What the git index at a path says, which was seen in this state; undefined: it is none, or can't be read.
 */
export async function indexMeaningAt(
  files: WorkspaceFiles,
  path: string,
  state: ResourceState,
): Promise<string | undefined> {
  if (!isGitIndexPath(path) || !isReadable(state)) return undefined;
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of files.stream(path, state)) chunks.push(Uint8Array.from(chunk));
    return meaningOfIndex(Buffer.concat(chunks));
  } catch (error) {
    if (isFailure(error)) return undefined;
    throw error;
  }
}

function isReadable(state: ResourceState): state is File {
  return state.kind === 'file' && state.sizeBytes <= MAX_INDEX_BYTES;
}
