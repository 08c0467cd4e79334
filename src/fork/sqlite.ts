/** A copy of a SQLite database as it is at one moment, also while others write it. */
import { existsSync, rmSync, mkdirSync, openSync, closeSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../model/failure.ts';
import { syncDirectory, syncFile } from '../store/durable-file.ts';

/** All of it in one step: a copy that goes on while others write would begin anew each time. */
const ALL_PAGES = 2_147_483_647;

/** @param to is not there yet. @throws HoldfastError `storage-unreachable` */
export async function copySqlite(name: string, from: string, to: string): Promise<void> {
  mkdirSync(dirname(to), { recursive: true });
  const source = new DatabaseSync(from, { readOnly: true, timeout: 10_000 });
  try {
    await backup(source, to, { rate: ALL_PAGES });
  } catch (error) {
    removeSqlite(to);
    throw new HoldfastError(
      'storage-unreachable',
      `Database "${name}" (${from}) cannot be copied: ${error instanceof Error ? error.message : String(error)}.`,
      { name },
      { cause: error },
    );
  } finally {
    source.close();
  }
  const file = openSync(to, constants.O_RDWR);
  try {
    syncFile(file, to);
  } finally {
    closeSync(file);
  }
  syncDirectory(dirname(to));
}

/** With SQLite's own files beside it. */
export function removeSqlite(path: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) if (existsSync(`${path}${ending}`)) rmSync(`${path}${ending}`);
}
