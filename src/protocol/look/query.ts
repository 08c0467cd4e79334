/** The rows of a watched query. */
import { counted } from '../../model/counted.ts';
import { ABSENT, type Sighting } from '../../model/record/world.ts';
import { rowsDigest } from './digests.ts';
import type { LookPlace } from './request.ts';
import { seen, unseen } from './sighting.ts';
import { watchNamed } from './watches.ts';

/** A watch compares a digest of all rows: of a whole table rather watch a count, or what changes with it. */
const MAX_WATCHED_ROWS = 100_000;
const SHOWN_ROWS = 3;
const MAX_SHOWN_CHARACTERS = 300;
const TOO_MANY = `the query returns more than ${MAX_WATCHED_ROWS.toLocaleString('en-US')} rows; watch fewer`;

export async function lookAtQuery(
  { workspace, settings }: Pick<LookPlace, 'workspace' | 'settings'>,
  name: string,
): Promise<Sighting> {
  const watch = watchNamed(settings, 'query', name);
  if (watch === undefined) return seen(ABSENT);
  try {
    const database = await workspace.database(watch.database, settings);
    const { rows } = await database.query(watch.sql, watch.params, { maxRows: MAX_WATCHED_ROWS });
    if (rows.length > MAX_WATCHED_ROWS) return { outcome: 'unreadable', reason: TOO_MANY };
    const shown = workspace.secrets.redact(JSON.stringify(rows.slice(0, SHOWN_ROWS))).slice(0, MAX_SHOWN_CHARACTERS);
    return seen({
      kind: 'value',
      value: rowsDigest(rows),
      summary: `${counted(rows.length, 'row')}: ${shown}`,
    });
  } catch (error) {
    return unseen(error);
  }
}
