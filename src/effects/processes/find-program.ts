/** Finds a program as a shell does, and says why it can't be run before that is tried. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';

/** The `PATH` of a command whose worker has none. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Relative folders on `PATH` are meant from `cwd`. @throws HoldfastError `not-found`, `permission-denied` */
export function findProgram(name: string, cwd: string, path: string | undefined): string {
  if (name.includes('/')) return programAt(name, cwd);
  const folders = foldersOnPath(path);
  const place = folders.map((folder) => join(resolve(cwd, folder), name)).find(isProgram);
  if (place !== undefined) return place;
  throw new HoldfastError(
    'not-found',
    `There is no program "${name}". Searched PATH: ${folders.join(':') || 'it is empty'}. ` +
      `Install it for the worker, or name PATH in the command's env or envFrom.`,
    { program: name, path: path ?? '' },
  );
}

/** As `PATH` spells them, without empty ones. */
export function foldersOnPath(path: string | undefined): readonly string[] {
  return (path ?? '').split(delimiter).filter((folder) => folder !== '');
}

/** May this process run the file? */
export function isProgram(place: string): boolean {
  try {
    accessSync(place, constants.X_OK);
    return statSync(place).isFile();
  } catch {
    return false;
  }
}

function programAt(name: string, cwd: string): string {
  const place = isAbsolute(name) ? name : resolve(cwd, name);
  if (isProgram(place)) return place;
  const stat = statSync(place, { throwIfNoEntry: false });
  const details = { program: place };
  if (stat === undefined) {
    const where = isAbsolute(name) ? '' : ` in ${cwd}`;
    throw new HoldfastError('not-found', `There is no program ${name}${where}.`, details);
  }
  const why = stat.isFile() ? 'not executable' : 'no file';
  throw new HoldfastError('permission-denied', `${place} cannot be run: it is ${why}.`, details);
}
