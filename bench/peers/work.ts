/**
 * What a step does, for those who don't stage it: a file of 1 KiB (temporary file, fsync, rename, fsync of the folder),
 * then one row, by a prepared statement on a kept connection. Synchronous calls for the file: the faster choice here.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { writeDurably } from '../bare-activity.ts';
import { contentOf, textOf } from '../workspace.ts';
import type { Work } from './contender.ts';

export const NOTE_TABLE = 'CREATE TABLE note (job text, step int, text text, PRIMARY KEY (job, step))';
const INSERT = 'INSERT INTO note (job, step, text) VALUES ($1, $2, $3)';

/** `begins` is called at each step's beginning. */
export function makeWork(folder: string, databaseUrl: string, begins: () => void): Work & { close(): Promise<void> } {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  const writeFile = (job: string, index: number): void => {
    begins();
    writeDurably(join(folder, job), fileOf(index), contentOf(index));
  };
  return {
    begins,
    writeFile,
    act: async (job, index) => {
      writeFile(job, index);
      await pool.query({ name: 'note', text: INSERT, values: [job, index, textOf(index)] });
    },
    close: async () => await pool.end(),
  };
}

export function makeJobFolder(folder: string, job: string): void {
  mkdirSync(join(folder, job), { recursive: true });
}

export function fileOf(index: number): string {
  return `note-${index}.txt`;
}
