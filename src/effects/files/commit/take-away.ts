/** Removes what is there, or makes room for another kind of thing. It is looked at where it was taken to. */
import { lstatSync } from 'node:fs';
import { sameState } from '../../../model/record/world.ts';
import { systemCode } from '../../../store/durable-file.ts';
import { faultPoint } from '../../../store/fault-point.ts';
import { capturedState, captureByRename } from '../captured.ts';
import type { OldFile } from '../old-file.ts';
import { nameOf } from '../path.ts';
import { inodeKey } from '../stat.ts';
import { createTarget } from './create.ts';
import type { CommitOutcome } from './outcome.ts';
import { putBack } from './put-back.ts';
import type { RunningCommit } from './running-commit.ts';
import { settleTakenAway } from './settle.ts';

export async function takeAway(commit: RunningCommit, old: OldFile | undefined): Promise<CommitOutcome> {
  commit.moment('compared');
  let captured: string;
  try {
    captured = captureByRename(commit.workspace, commit.folder, nameOf(commit.change.path), commit.name);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return await commit.conflict('it was removed at this moment');
    throw error;
  }
  faultPoint('commit.file-captured');
  commit.moment('placed');
  if (!(await isExpected(commit, captured, old))) return putBack(commit, captured);
  if (commit.change.after.kind !== 'absent') return createTarget(commit, true);
  faultPoint('commit.file-renamed');
  commit.sync();
  commit.moment('synced');
  return settleTakenAway(commit);
}

async function isExpected(commit: RunningCommit, captured: string, old: OldFile | undefined): Promise<boolean> {
  const { before } = commit.change;
  if (old === undefined) return sameState(capturedState(captured), before);
  if (inodeKey(lstatSync(captured, { bigint: true })) !== old.inode) return false;
  return sameState(await old.state(), before);
}
