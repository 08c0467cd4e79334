/** A workspace with its database, and what a step puts into them: the same for both variants. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export const DATABASE_FILE = 'main.db';
const CONTENT_BYTES = 1024;

/** A new workspace with an empty table in a database in WAL mode. */
export function makeWorkspace(root: string, name: string): string {
  const directory = join(root, name);
  mkdirSync(directory, { recursive: true });
  const database = new DatabaseSync(join(directory, DATABASE_FILE));
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)');
  database.close();
  return name;
}

/** 1 KiB that no other step writes. */
export function contentOf(index: number): string {
  return `note ${index} `.padEnd(CONTENT_BYTES, `${index}.`);
}

export function textOf(index: number): string {
  return `row of step ${index}`;
}
