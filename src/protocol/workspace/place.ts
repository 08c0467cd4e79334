/**
 * How a path of the workspace is changed: what is replaced is a blob afterwards, and nothing that others wrote is lost.
 */
import { checkFile, commitFile, putFile, type CommitOptions, type FileWorkspace } from '../../effects/files/index.ts';
import type { ChangeName, FileSighting, PreparedFile, WrittenMeanwhileOutcome } from '../../effects/files/index.ts';
import { mayPass } from '../../effects/files/sighting.ts';
import { defined } from '../../model/defined.ts';
import type { Digest } from '../../model/digest.ts';
import { ABSENT, sameState, type FileState } from '../../model/record/world.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';
import { cannotRead } from './unreadable.ts';

const WRITTEN_MEANWHILE = 'somebody wrote into it while it was being replaced';

export type FileCommit = { readonly kind: 'applied' } | { readonly kind: 'conflict'; readonly found: FileState };

/** `captured`: the content that was there. `names`: how many it had, where it had several. */
export type FilePut =
  | { readonly kind: 'done'; readonly captured?: Digest; readonly names?: number }
  | { readonly kind: 'unchanged'; readonly reason: string; readonly captured?: Digest };

export interface FileReplacement {
  readonly path: string;
  readonly state: FileState;
  /** Another state is not touched. */
  readonly expectedNow: FileState;
  /** Of temporary files. */
  readonly name: ChangeName;
}

/** Somebody who wrote into the old file while it was replaced gets it back: then it is a conflict like any other. */
export async function commitPrepared(
  workspace: FileWorkspace,
  blobs: BlobStore,
  prepared: PreparedFile,
  options: Pick<CommitOptions, 'deferSync'>,
): Promise<FileCommit> {
  const outcome = await commitFile(workspace, prepared, blobs, options);
  if (outcome.outcome === 'applied') return { kind: 'applied' };
  const { path, before, after } = prepared.change;
  if (outcome.outcome === 'written-meanwhile') {
    const state = stateOf(outcome, before);
    await putFile(workspace, path, state, blobs, { expectedNow: after, name: prepared.name });
    return { kind: 'conflict', found: await fileStateNow(workspace, path) };
  }
  if (outcome.found.outcome !== 'seen') throw cannotRead(path, outcome.found);
  return { kind: 'conflict', found: outcome.found.state };
}

function stateOf({ stored, sizeBytes }: WrittenMeanwhileOutcome, before: FileState): FileState {
  return { kind: 'file', sizeBytes, mode: before.kind === 'file' ? before.mode : 0o644, content: stored };
}

/**
 * Puts a path to a state if it shows what is expected. Who writes into the old file meanwhile gets it back, too: then
 * it is unchanged. Safe to repeat.
 * @throws HoldfastError for what may pass, also where what is there can't be read
 */
export async function replaceFile(
  workspace: FileWorkspace,
  blobs: BlobStore,
  { path, state, expectedNow, name }: FileReplacement,
): Promise<FilePut> {
  const outcome = await putFile(workspace, path, state, blobs, { expectedNow, name });
  switch (outcome.outcome) {
    case 'applied': {
      const isReplaced = expectedNow.kind === 'file' && !sameState(expectedNow, state);
      if (!isReplaced) return { kind: 'done' };
      return { kind: 'done', captured: expectedNow.content, ...defined({ names: outcome.names }) };
    }
    case 'written-meanwhile': {
      const theirs = stateOf(outcome, expectedNow);
      await putFile(workspace, path, theirs, blobs, { expectedNow: state, name });
      return { kind: 'unchanged', reason: WRITTEN_MEANWHILE, captured: outcome.stored };
    }
    default:
      // What can't be read just now has not changed by that.
      if (outcome.found.outcome === 'unreadable' && mayPass(outcome.found)) throw cannotRead(path, outcome.found);
      return { kind: 'unchanged', reason: outcome.reason, ...defined({ captured: outcome.stored }) };
  }
}

/**
 * @param earlier spares reading a large file again whose stamp vouches for it
 * @throws HoldfastError `permission-denied`
 */
export async function fileStateNow(workspace: FileWorkspace, path: string, earlier?: FileSighting): Promise<FileState> {
  const { found } = await checkFile(workspace, { path, before: ABSENT, after: ABSENT }, earlier);
  if (found.outcome !== 'seen') throw cannotRead(path, found);
  return found.state;
}
