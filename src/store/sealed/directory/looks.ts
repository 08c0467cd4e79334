/** What is there in a store's folder: what is not there is no failure. */
import { readdirSync, statSync, type Stats } from 'node:fs';
import { storageError, systemCode } from '../../durable-file.ts';

/** None where there is no such folder. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw storageError('list', folder, error);
  }
}

/** Undefined: there is nothing. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return undefined;
    throw storageError('look at', path, error);
  }
}
