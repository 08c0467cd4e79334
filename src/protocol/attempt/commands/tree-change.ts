/** One path that a command changed: what it was given there, and what it made of it. */
import type { FileSighting } from '../../../effects/files/index.ts';
import type { Tree, TreeEntry } from '../../../effects/files/tree.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { ABSENT, sameState, type FileState } from '../../../model/record/world.ts';
import { cannotRead } from '../../workspace/unreadable.ts';
import type { Attempt } from '../attempt.ts';
import { readChangedFile, type ChangedContents } from './changed-contents.ts';

export interface TreeChange {
  readonly path: string;
  readonly before: FileState;
  readonly after: FileState;
}

export interface ChangeScope {
  readonly attempt: Attempt;
  /** What of the workspace was copied. */
  readonly copied: Tree;
  /** The copy as the command was given it. */
  readonly given: Tree;
  /** Where the copy is. */
  readonly copy: string;
  readonly contents: ChangedContents;
}

/**
 * Undefined: the path is as the command was given it.
 * @param now what the copy shows
 * @param sighting of the workspace
 * @throws HoldfastError `bad-input` for a path of the workspace that the command was not given; `secret-in-output`
 */
export async function treeChangeAt(
  scope: ChangeScope,
  path: string,
  now: TreeEntry | undefined,
  sighting: FileSighting,
): Promise<TreeChange | undefined> {
  if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
  const before = sighting.state;
  const staged = scope.attempt.stage.stagedState(path);
  const wasGiven = staged !== undefined || scope.copied.has(path);
  if (!wasGiven && before.kind !== 'absent') {
    if (before.kind === 'directory' && now?.kind === 'directory') return undefined;
    throw new HoldfastError(
      'bad-input',
      `The command wrote "${path}", which is not among its paths and which the workspace has already. Add it to paths.`,
      { path },
    );
  }
  const given = staged ?? before;
  if (now?.kind !== 'file') {
    const after = stateWithoutContent(now);
    return sameState(given, after) ? undefined : { path, before, after };
  }
  const file = await readChangedFile(path, `${scope.copy}/${path}`, now);
  if (sameState(given, file.state)) return undefined;
  refuseShared(scope, path, now);
  await scope.contents.add(file);
  return { path, before, after: file.state };
}

/**
 * Written in place, a file is changed under all its names; of the copy's names each is a file of its own. What the
 * command replaced by another file is split from its other names in the workspace, too.
 */
function refuseShared({ copied, given }: ChangeScope, path: string, now: TreeEntry): void {
  const shared = copied.get(path);
  const was = given.get(path);
  if (shared?.kind !== 'file' || shared.links < 2 || was?.inode !== now.inode || was.bornNs !== now.bornNs) return;
  const { links } = shared;
  throw new HoldfastError(
    'bad-input',
    `The command wrote into "${path}", which has ${links} names (hard links) in the workspace. On a copy only one of ` +
      'them changes. Let it replace the file, split the file first, or run it in place. Nothing of it is applied.',
    { path, links },
  );
}

function stateWithoutContent(entry: TreeEntry | undefined): FileState {
  if (entry === undefined) return ABSENT;
  return entry.kind === 'symlink'
    ? { kind: 'symlink', target: entry.target! }
    : { kind: 'directory', mode: entry.mode };
}
