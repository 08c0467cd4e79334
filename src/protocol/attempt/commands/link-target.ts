/** Where a symbolic link that a command made leads. */
import { folderOf } from '../../../effects/files/path.ts';
import { HoldfastError } from '../../../model/failure.ts';

/**
 * @throws HoldfastError `outside-workspace` unless the target is relative, and in the workspace at each of its parts
 */
export function mustStayInside(path: string, target: string): void {
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
