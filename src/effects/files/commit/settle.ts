/**
 * Settles what was captured: what an earlier attempt captured and did not settle, and what this one has taken away.
 *
 * Invariant: a captured file is dropped only when its content, as it is now, is in the store.
 */
import { lstatSync } from 'node:fs';
import type { Digest } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { sameState } from '../../../model/record/world.ts';
import { capturedState, dropCaptured } from '../captured.ts';
import { OldFile } from '../old-file.ts';
import { reservedInodes } from '../reserved.ts';
import { inodeKey } from '../stat.ts';
import type { CommitOutcome } from './outcome.ts';
import { putBack } from './put-back.ts';
import type { RunningCommit } from './running-commit.ts';

/**
 * An attempt that ended before it was through may have the old file captured. If the target is still that file, the
 * capture is simply dropped; if not, its bytes are stored before anything else happens.
 * @returns `taken-away`: the target is gone and its capture shows the state before. `settled`: nothing is captured that
 *   the commit has to know of
 */
export async function settleEarlierAttempt(commit: RunningCommit): Promise<'settled' | 'taken-away' | CommitOutcome> {
  const captured = commit.findCaptured();
  if (captured === undefined) return 'settled';
  const there = lstatSync(commit.target, { bigint: true, throwIfNoEntry: false });
  const file = OldFile.open(captured, () => reservedInodes(commit.workspace));
  if (file === 'reserved')
    throw new HoldfastError('reserved-path', `"${captured}" belongs to a declared database.`, { path: captured });
  try {
    if (file !== undefined && there !== undefined && inodeKey(there) === file.inode) {
      dropCaptured(captured);
      return 'settled';
    }
    return await settleOtherFile(commit, captured, file, there !== undefined);
  } finally {
    file?.close();
  }
}

/** The target is no longer the file that was captured. `file`: what was captured, where it is a regular file. */
async function settleOtherFile(
  commit: RunningCommit,
  captured: string,
  file: OldFile | undefined,
  isTargetThere: boolean,
): Promise<'settled' | 'taken-away' | CommitOutcome> {
  const state = file === undefined ? capturedState(captured) : await file.state();
  const isBefore = sameState(state, commit.change.before);
  if (!isTargetThere) return isBefore ? 'taken-away' : await putBack(commit, captured);
  if (file === undefined) return 'settled';
  const stored = await file.store(commit.blobs);
  if (!isBefore) commit.reportUnrecorded(stored);
  dropCaptured(captured);
  return 'settled';
}

/** What was taken away is settled once its content, as it is now, is in the store. */
export async function settleTakenAway(commit: RunningCommit, wasThere = false): Promise<CommitOutcome> {
  const captured = commit.findCaptured();
  if (captured === undefined) return commit.applied(wasThere);
  const file = OldFile.open(captured, () => new Set());
  // A link's target is in the record. A FIFO or a socket stays where it is: evidence.
  if (file === undefined || file === 'reserved') {
    if (capturedState(captured).kind === 'symlink') dropCaptured(captured);
    return commit.applied(wasThere);
  }
  try {
    const { before } = commit.change;
    const state = await file.state();
    const isBefore = before.kind === 'file' && state.content === before.content;
    if (isBefore) await storeIfUnknown(commit, file, state.content);
    else await file.store(commit.blobs);
    if (before.kind === 'file' && !isBefore) commit.reportUnrecorded(state);
    commit.reportOtherNames(file, captured);
    dropCaptured(captured);
    return commit.applied(wasThere);
  } finally {
    file.close();
  }
}

/** Preparing has seen that what is expected there is intact in the store. Whatever else is there is stored, or read. */
export async function storeIfUnknown({ blobs }: RunningCommit, file: OldFile, content: Digest): Promise<void> {
  if (!blobs.has(content)) await file.store(blobs);
}
