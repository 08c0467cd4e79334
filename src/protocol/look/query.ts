/** The rows of a watched query. */
import { ABSENT, type Sighting } from '../../model/record/world.ts';
import { rowsDigest } from './digests.ts';
import type { LookPlace } from './request.ts';
import { seen, unseen } from './sighting.ts';
import { watchNamed } from './watches.ts';

const SHOWN_ROWS = 3;
const MAX_SHOWN_CHARACTERS = 300;

export async function lookAtQuery(
  { workspace, settings }: Pick<LookPlace, 'workspace' | 'settings'>,
  name: string,
): Promise<Sighting> {
  const watch = watchNamed(settings, 'query', name);
  if (watch === undefined) return seen(ABSENT);
  try {
    const database = await workspace.database(watch.database, settings);
    const { rows } = await database.query(watch.sql, watch.params);
    const shown = workspace.secrets.redact(JSON.stringify(rows.slice(0, SHOWN_ROWS))).slice(0, MAX_SHOWN_CHARACTERS);
    return seen({
      kind: 'value',
      value: rowsDigest(rows),
      summary: `${rows.length} row${rows.length === 1 ? '' : 's'}: ${shown}`,
    });
  } catch (error) {
    return unseen(error);
  }
}
