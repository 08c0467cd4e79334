/** What is at a path, without following a link there. */
import { lstatSync, type BigIntStats } from 'node:fs';
import { storageError, systemCode } from '../../store/durable-file.ts';

/**
 * Undefined: nothing. Where a file stands in the place of a folder above it, nothing is there.
 * @throws HoldfastError as `storageError`
 */
export function statOf(absolute: string): BigIntStats | undefined {
  try {
    return lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return undefined;
    throw storageError('look at', absolute, error);
  }
}
