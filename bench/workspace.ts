/** A workspace with its database, and what a step puts into them: the same for both variants. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export const DATABASE_FILE = 'main.db';
/** By which a worker and its jobs are told of the benchmark's PostgreSQL: a history then has no password. */
export const POSTGRES_VARIABLE = 'BENCH_POSTGRES_URL';
/** The fastest way to one durable row on PostgreSQL: one round trip, planned once. */
export const UPSERT_NOTE = {
  name: 'upsert-note',
  text: 'INSERT INTO note (id, text) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = excluded.text',
};
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
