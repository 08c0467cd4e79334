/**
 * Paths that a step may name: relative to the workspace, `/` between parts, one spelling each.
 *
 * Invariants
 * 1. A path that passes leads, by its text alone, nowhere but into the workspace. (Symbolic links: open-folder.ts.)
 * 2. Holdfast's own names are refused in every folder and every case: `.holdfast`, `.holdfast-…`.
 */
import { sep } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';

/** How the names of temporary files begin, in every folder: lists and watches omit them. */
export const TEMPORARY_PREFIX = '.holdfast-';

/** NAME_MAX and PATH_MAX of every filesystem that counts; longer ones fail only when they are used. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 4095;
/**
 * Characters that some filesystems drop from names (HFS+; CVE-2014-9390), so that `.hold<ZWNJ>fast` would be
 * `.holdfast`.
 */
const IGNORED_IN_NAMES = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * The one spelling of a file's path: `./a//b` is `a/b`.
 * @throws HoldfastError `bad-input`, `outside-workspace`, `reserved-path`
 */
export function normalisePath(path: string): string {
  if (path.endsWith('/'))
    throw new HoldfastError('bad-input', `"${path}" names a folder. Expected a file's path, without "/" at its end.`, {
      path,
    });
  const normal = normaliseFolder(path);
  if (normal === '')
    throw new HoldfastError('bad-input', `"${path}" names the workspace itself. Expected a path in it.`, { path });
  return normal;
}

/** The same for a folder, where '' and '.' are the workspace itself and a `/` at the end does no harm. */
export function normaliseFolder(path: string): string {
  if (path.includes('\0'))
    throw new HoldfastError('bad-input', `${JSON.stringify(path)} holds a NUL, which no path can.`, { path });
  if (!path.isWellFormed())
    throw new HoldfastError('bad-input', `${JSON.stringify(path)} is not Unicode: it holds a lone surrogate.`, {
      path,
    });
  // Elsewhere it is a character of a name like any other.
  if (sep === '\\' && path.includes(sep))
    throw new HoldfastError('bad-input', `"${path}" holds a "\\". Write "/" between the parts of a path.`, { path });
  if (path.startsWith('/'))
    throw new HoldfastError('outside-workspace', `"${path}" is absolute. Expected a path relative to the workspace.`, {
      path,
    });
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  for (const part of parts) {
    if (part === '..')
      throw new HoldfastError(
        'outside-workspace',
        `"${path}" goes up by "..". Expected a path that stays in the workspace.`,
        { path },
      );
    if (isReservedName(part))
      throw new HoldfastError(
        'reserved-path',
        `"${path}": names that begin with "${HOLDFAST_DIRECTORY}" are reserved.`,
        { path },
      );
    if (Buffer.byteLength(part) > MAX_NAME_BYTES)
      throw new HoldfastError('bad-input', `"${path}" has a part of more than ${MAX_NAME_BYTES} bytes.`, { path });
  }
  const normal = parts.join('/');
  if (Buffer.byteLength(normal) > MAX_PATH_BYTES)
    throw new HoldfastError('bad-input', `The path "${normal.slice(0, 80)}…" has more than ${MAX_PATH_BYTES} bytes.`);
  return normal;
}

/** Is it a name of Holdfast's own (`.holdfast`, temporary files), in any case? */
export function isReservedName(name: string): boolean {
  // Most names are decided by their first character; lists test every one.
  if (!name.startsWith('.') && !/^[\u200c-\ufeff]/.test(name)) return false;
  const folded = name.replace(IGNORED_IN_NAMES, '').toLowerCase();
  return folded === HOLDFAST_DIRECTORY || folded.startsWith(TEMPORARY_PREFIX);
}

/** Where in the workspace a real absolute path lies: '' the root, undefined outside or in `.holdfast`. */
export function placeInWorkspace(root: string, real: string): string | undefined {
  if (real === root) return '';
  const prefix = root === '/' ? '/' : `${root}/`;
  if (!real.startsWith(prefix)) return undefined;
  const place = real.slice(prefix.length);
  return place.split('/').some(isReservedName) ? undefined : place;
}

/** The folder part of a normal path; '' is the workspace. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
