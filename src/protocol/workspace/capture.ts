/** What is in the workspace becomes a blob before it is replaced, or taken for the record. */
import type { FileWorkspace } from '../../effects/files/index.ts';
import { readWorkspaceFile } from '../../effects/files/read.ts';
import { reservedInodes } from '../../effects/files/reserved.ts';
import { entryAt } from '../../effects/files/tree.ts';
import type { Digest } from '../../model/digest.ts';
import { isFailure } from '../../model/failure.ts';
import type { FileEffect } from '../../model/record/effect.ts';
import type { FileState } from '../../model/record/world.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';

/** Captures what is there, as evidence. Undefined: it is no file, or shows another content than `state` by now. */
export async function captureFile(
  workspace: FileWorkspace,
  blobs: BlobStore,
  path: string,
  state: FileState,
): Promise<Digest | undefined> {
  if (state.kind !== 'file') return undefined;
  if (await blobs.hasIntact(state.content)) return state.content;
  const { content } = await blobs.put(readWorkspaceFile(workspace, path));
  return content === state.content ? content : undefined;
}

/**
 * Captures what many changes will replace: in batches, which costs a fraction. Whether what was in the store already is
 * intact is seen when each of them is prepared.
 */
export async function captureReplaced(
  workspace: FileWorkspace,
  blobs: BlobStore,
  effects: readonly FileEffect[],
): Promise<void> {
  const reserved = reservedInodes(workspace);
  const paths = effects.flatMap(({ path, before }) => {
    if (before.kind !== 'file' || blobs.has(before.content)) return [];
    const absolute = `${workspace.root}/${path}`;
    // A path that has changed since is left to preparing and comparing.
    return entryAt(absolute, reserved)?.kind === 'file' ? [absolute] : [];
  });
  try {
    await blobs.putFromFiles(paths);
  } catch (error) {
    if (!isFailure(error, 'storage-failed', 'permission-denied')) throw error;
  }
}
