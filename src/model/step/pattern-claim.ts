/**
 * What a pattern of file names claims: the files that it matches, wherever they are. Pure.
 *
 * Invariant: where it can't be told, it overlaps. Two steps that are kept apart without need cost time; two that are
 * not kept apart cost a result.
 */
import { expandBraces } from './braces.ts';
import { expressionOfPattern } from './file-pattern.ts';
import { PathSelection } from './path-selection.ts';

/** May the pattern match the file, or something below the folder that the path names? '' is the whole workspace. */
export function mayTouch(pattern: string, path: string): boolean {
  if (path === '' || new PathSelection([pattern]).has(path)) return true;
  const folders = path.split('/');
  const alternatives = expandBraces(pattern, MAX_ALTERNATIVES);
  return alternatives === undefined || alternatives.some((alternative) => reachesBelow(alternative, folders));
}

const MAX_ALTERNATIVES = 1_000;

/** May what the pattern matches lie below these folders? */
function reachesBelow(pattern: string, folders: readonly string[]): boolean {
  const names = pattern.split('/');
  for (const [index, folder] of folders.entries()) {
    const name = names[index];
    if (name === undefined) return false;
    if (name.includes('**')) return true;
    if (!expressionOfPattern(name).test(folder)) return false;
  }
  return names.length > folders.length;
}
