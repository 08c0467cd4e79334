/**
 * Files in the workspace that are no file resources: declared databases with their companions, and our own.
 *
 * Invariant: they are recognised by device and inode before they are opened. Closing a file that SQLite has open in
 * this process, under whatever name, would drop the process's own POSIX locks on it (sqlite.org/howtocorrupt.html,
 * 2.2).
 */
import { realpathSync, statSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { inodeKey, statOf } from './stat.ts';
import type { FileWorkspace, ReservedInodes } from './workspace.ts';

const DATABASE_SUFFIXES = ['', '-wal', '-shm', '-journal'];
const OWN_DATABASES = ['lock.sqlite', 'ledger.sqlite'];

/** Looked up anew for each operation: databases and their companions come and go. */
export function reservedInodes(workspace: FileWorkspace): ReservedInodes {
  const inodes = new Set<string>();
  const files = [...workspace.databasePaths, ...OWN_DATABASES.map((name) => join(workspace.holdfastDirectory, name))];
  for (const file of files) {
    for (const suffix of DATABASE_SUFFIXES) {
      const stat = lookAt(file + suffix);
      if (stat !== undefined) inodes.add(inodeKey(stat));
    }
  }
  return inodes;
}

/** Followed: a database may be declared by a link. Where a file stands in the place of a folder nothing is there. */
function lookAt(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw storageError('look at', path, error);
  }
}

/**
 * Where declared databases and their companions lie in the workspace, relative to it, whether they are there or not.
 */
export function databasePlaces({ root, databasePaths }: FileWorkspace): readonly string[] {
  return databasePaths
    .map(realPlace)
    .filter((place) => place.startsWith(`${root}/`))
    .flatMap((place) => DATABASE_SUFFIXES.map((suffix) => place.slice(root.length + 1) + suffix));
}

/** Is this path a declared database or a companion of one? By its place and by its inode; opens nothing. */
export function isReservedFile(workspace: FileWorkspace, path: string): boolean {
  const absolute = join(workspace.root, path);
  const isDatabase = (database: string): boolean => {
    const real = realPlace(database);
    return absolute.startsWith(real) && DATABASE_SUFFIXES.includes(absolute.slice(real.length));
  };
  if (workspace.databasePaths.some(isDatabase)) return true;
  const stat = statOf(absolute);
  return stat?.isFile() === true && reservedInodes(workspace).has(inodeKey(stat));
}

/** @throws HoldfastError `reserved-path` */
export function refuseReservedFile(workspace: FileWorkspace, path: string): void {
  if (!isReservedFile(workspace, path)) return;
  throw new HoldfastError(
    'reserved-path',
    `"${path}" belongs to a declared database. Read and change it through ctx.db, not as a file.`,
    { path },
  );
}

function realPlace(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
