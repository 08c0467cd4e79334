/**
 * The order of a commit: what an earlier attempt captured is settled, the target is opened, captured and compared, and
 * then the one act follows that changes it.
 *
 * Invariants
 * 1. The act that is chosen knows that the target shows the state before, or that it was taken away by an earlier
 *    attempt and nothing has come in its place.
 * 2. A file that can't be opened has not changed by that: it is told as what it is, and nobody is asked about a change.
 */
import { lstatSync } from 'node:fs';
import { HoldfastError } from '../../../model/failure.ts';
import { invariant } from '../../../model/invariant.ts';
import { sameState } from '../../../model/record/world.ts';
import { systemCode, unlinkFile } from '../../../store/durable-file.ts';
import { faultPoint } from '../../../store/fault-point.ts';
import { captureByLink, dropCaptured } from '../captured.ts';
import { OldFile } from '../old-file.ts';
import { nameOf } from '../path.ts';
import { reservedInodes } from '../reserved.ts';
import { isStillAsHashed, unreadable, type FileSighting } from '../sighting.ts';
import { inodeKey } from '../stat.ts';
import { changeFolder } from './change-folder.ts';
import { createTarget } from './create.ts';
import type { CommitOutcome } from './outcome.ts';
import { replaceFile, replaceLink } from './replace.ts';
import type { RunningCommit } from './running-commit.ts';
import { settleEarlierAttempt, settleTakenAway } from './settle.ts';
import { takeAway } from './take-away.ts';

/** A larger file is not hashed before it is replaced if its times vouch for it; afterwards each is. */
const LARGE_BYTES = 1024 * 1024;

/** Codes of a file that was moved away, or replaced by a link, while it was opened. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/** Another file stands in the place of the one that was opened. */
const REPLACED = Symbol('replaced');

export async function changeTarget(commit: RunningCommit): Promise<CommitOutcome> {
  const earlier = await settleEarlierAttempt(commit);
  if (typeof earlier !== 'string') return earlier;
  const old = openOld(commit);
  if (old === 'reserved') {
    const reason = 'it belongs to a declared database';
    return commit.conflict(reason, unreadable(reason));
  }
  try {
    commit.moment('opened');
    return await compareAndChange(commit, old, earlier === 'taken-away');
  } finally {
    old?.close();
  }
}

async function compareAndChange(
  commit: RunningCommit,
  old: OldFile | undefined,
  isTakenAway: boolean,
): Promise<CommitOutcome> {
  const { before, after } = commit.change;
  // Captured first, hashed then: what was hashed has a name that survives a crash.
  const captured =
    old !== undefined && after.kind === 'file' && before.kind === 'file' ? capture(commit, old) : undefined;
  if (captured === REPLACED) return commit.conflict('it was replaced at this moment');
  commit.moment('captured');
  const found = await stateNow(commit, old);
  commit.moment('hashed');
  if (found.outcome === 'unreadable') return commit.conflictDropping(captured, found.reason, found);
  const isVirtuallyBefore = isTakenAway && found.state.kind === 'absent';
  if (!isVirtuallyBefore) {
    if (sameState(found.state, after)) return wasThere(commit, old, captured);
    if (!sameState(found.state, before)) return commit.conflictDropping(captured, 'it is not what it was', found);
    if (old === undefined && found.state.kind === 'file') throw cameBack(commit);
    invariant(!sameState(before, after), 'a target that has to change is before or after its change, never both');
  }
  commit.folder.assertInside();
  if (isVirtuallyBefore && after.kind === 'absent') return settleTakenAway(commit, true);
  if (isVirtuallyBefore || before.kind === 'absent') return createTarget(commit, isVirtuallyBefore);
  return changeWhatIsThere(commit, old, captured);
}

async function changeWhatIsThere(
  commit: RunningCommit,
  old: OldFile | undefined,
  captured: string | undefined,
): Promise<CommitOutcome> {
  const { before, after } = commit.change;
  if (old !== undefined && after.kind === 'file' && before.kind === 'file') return replaceFile(commit, old, captured);
  invariant(captured === undefined, 'only a file that another file replaces is captured before the act');
  if (before.kind === 'directory') return changeFolder(commit);
  if (before.kind === 'symlink' && (after.kind === 'file' || after.kind === 'symlink')) return replaceLink(commit);
  return takeAway(commit, old);
}

/** It shows the state before, and was not there to be opened a moment ago. */
function cameBack({ change: { path } }: RunningCommit): HoldfastError {
  return new HoldfastError('busy', `Somebody moves "${path}" about at this moment. It is looked at again.`, { path });
}

function openOld(commit: RunningCommit): OldFile | 'reserved' | undefined {
  try {
    return OldFile.open(commit.target, () => reservedInodes(commit.workspace));
  } catch (error) {
    // Something else has come in its place since: the looker tells what.
    if (GONE.has(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** Gives the old file a second name. Undefined: none is possible here. */
function capture(commit: RunningCommit, old: OldFile): string | undefined | typeof REPLACED {
  let captured: string | undefined;
  try {
    captured = captureByLink(commit.workspace, commit.folder, nameOf(commit.change.path), commit.name);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return REPLACED;
    throw error;
  }
  faultPoint('commit.file-captured');
  if (captured === undefined || inodeKey(lstatSync(captured, { bigint: true })) === old.inode) return captured;
  unlinkFile(captured);
  return REPLACED;
}

async function stateNow(commit: RunningCommit, old: OldFile | undefined): Promise<FileSighting> {
  if (old === undefined) return commit.look();
  const { seen } = commit.prepared;
  // Capturing it has changed its ctime; its modification time and its size still tell. After the act it is hashed in
  // any case.
  if (
    seen?.outcome === 'seen' &&
    seen.stamp !== undefined &&
    seen.stamp.sizeBytes > LARGE_BYTES &&
    isStillAsHashed(seen.stamp, old.stat(), 'linked')
  )
    return seen;
  return { outcome: 'seen', state: await old.state() };
}

/** The target shows the state after already, or nothing has to change. */
function wasThere(commit: RunningCommit, old: OldFile | undefined, captured: string | undefined): CommitOutcome {
  dropCaptured(captured);
  if (!sameState(commit.change.before, commit.change.after)) {
    // The attempt that placed it may have ended before its fsync; or it was placed by a person, with none.
    old?.sync();
    commit.sync();
  }
  return commit.applied(true);
}
