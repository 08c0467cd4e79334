/** Sees that a job has done its work, whoever ran it, and clears it away: so that each round finds the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { removeDirectory } from '../temporary-directory.ts';
import { contentOf, textOf } from '../workspace.ts';
import type { Place } from './contender.ts';
import { fileOf } from './work.ts';

/** @throws an Error that names what is missing */
export async function checkAndClear(place: Place, job: string, steps: number): Promise<void> {
  const folder = join(place.folder, job);
  const expected = Array.from({ length: steps }, (_, index) => index);
  for (const index of expected)
    if (readFileSync(join(folder, fileOf(index)), 'utf8') !== contentOf(index))
      throw new Error(`${fileOf(index)} of ${job} does not hold what it should`);
  const client = new pg.Client({ connectionString: place.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ text: string }>('SELECT text FROM note WHERE job = $1 ORDER BY step', [job]);
    const [found, wanted] = [rows.map(({ text }) => text), expected.map(textOf)];
    if (found.join() !== wanted.join()) throw new Error(`${job} left ${found.length} rows, expected ${steps}`);
  } finally {
    await client.end();
  }
  removeDirectory(folder);
}
