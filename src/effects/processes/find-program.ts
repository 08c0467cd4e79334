/** Finds a program as a shell does, and says why it can't be run before that is tried. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';

/** @throws HoldfastError `not-found`, `permission-denied` */
export function findProgram(name: string, cwd: string, path: string | undefined): string {
  if (name.includes('/')) return programAt(name, cwd);
  const place = programOnPath(name, cwd, path);
  if (place !== undefined) return place;
  throw new HoldfastError(
    'not-found',
    `There is no program "${name}". Searched PATH: ${foldersOf(path).join(':') || 'it is empty'}. ` +
      `Install it for the worker, or name PATH in the command's env or envFrom.`,
    { program: name, path: path ?? '' },
  );
}

/** The first program of this name on PATH, whose relative folders are meant from `cwd`. Undefined: there is none. */
export function programOnPath(name: string, cwd: string, path: string | undefined): string | undefined {
  return foldersOf(path)
    .map((folder) => join(resolve(cwd, folder), name))
    .find(isProgram);
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

function foldersOf(path: string | undefined): readonly string[] {
  return (path ?? '').split(delimiter).filter((folder) => folder !== '');
}
