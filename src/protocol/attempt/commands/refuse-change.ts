/** Changes that a command made in its copy, and that no record could name, or nobody could apply. */
import { folderOf } from '../../../effects/files/path.ts';
import type { Tree } from '../../../effects/files/tree.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { WorkspaceFiles } from '../../workspace/files.ts';
import { holdsMore, type CopySnapshot } from './copy-snapshot.ts';

export interface ChangedCopy {
  readonly files: WorkspaceFiles;
  readonly snapshot: CopySnapshot;
  /** The copy when the command had ended. */
  readonly now: Tree;
}

/** @throws HoldfastError `bad-input`, `reserved-path`, `outside-workspace`, `permission-denied` */
export function refuseImpossibleChange(copy: ChangedCopy, path: string): void {
  const { files, snapshot } = copy;
  const now = copy.now.get(path);
  const was = snapshot.copy.get(path);
  if (files.normalise(path) !== path)
    throw badChange(path, `The command made "${path}", a name that cannot be recorded.`);
  files.refuseReserved(path);
  if (now?.kind === 'other')
    throw badChange(
      path,
      `The command made "${path}", which is no file, folder or symbolic link; it cannot be recorded.`,
    );
  if (now?.kind === 'symlink') mustStayInside(path, now.target!);
  if (was?.kind === 'symlink' && now?.kind === 'directory')
    throw badChange(
      path,
      `The command replaced the symbolic link "${path}" by a folder. Remove the link in a step of its own first.`,
    );
  if (was?.kind === 'directory' && now !== undefined && now.kind !== 'directory' && holdsMore(snapshot, path))
    throw badChange(path, `The command replaced the folder "${path}", of which it was given only a part (paths).`);
  refuseLocked(copy, path);
}

/**
 * A change is applied with this process's rights, and may not stop half-way. A folder that the command has locked is
 * locked last.
 */
function refuseLocked({ snapshot, now }: ChangedCopy, path: string): void {
  const parent = folderOf(path);
  const folder = [snapshot.copy.get(parent), now.get(parent)].find((entry) => entry?.kind === 'directory');
  if (folder === undefined || (folder.mode & 0o300) === 0o300 || process.getuid?.() === 0) return;
  throw new HoldfastError(
    'permission-denied',
    `"${path}" is in a folder that its owner may not write to (mode ${folder.mode.toString(8)}); ` +
      "the command's change of it cannot be applied.",
    { path },
  );
}

/**
 * @throws HoldfastError `outside-workspace` unless the target is relative, and in the workspace at each of its parts
 */
function mustStayInside(path: string, target: string): void {
  if (target.startsWith('/')) throw leadsOut(path, target, ': it is absolute');
  const folders = folderOf(path)
    .split('/')
    .filter((part) => part !== '');
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') folders.push(part);
    else if (folders.pop() === undefined) throw leadsOut(path, target, '');
  }
}

function leadsOut(path: string, target: string, why: string): HoldfastError {
  return new HoldfastError(
    'outside-workspace',
    `The command made the symbolic link "${path}" → "${target}", which leads out of its copy${why}. ` +
      'Expected a relative link that stays in the workspace. Nothing of it is applied.',
    { path, target },
  );
}

function badChange(path: string, message: string): HoldfastError {
  return new HoldfastError('bad-input', message, { path });
}
