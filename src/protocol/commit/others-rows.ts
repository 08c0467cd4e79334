/**
 * Rows of somebody else that foreign keys would change together with rows that are taken back: those need a person's
 * word, since whoever put them there knows nothing of the job.
 */
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { uriOf, type RowChange } from '../../model/record/effect.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import { onlyColumns, sameState } from '../../model/record/world.ts';
import { rowsTakenAlong, type TakenAlong, type TakingSite, type WatchedRow } from './watched-rows.ts';

export interface OthersSite extends TakingSite {
  /** Is it the job's own, or seen to by what is taken back? */
  isOwn(row: WatchedRow): boolean;
}

/** By the change that takes them along. Changes that take nothing of somebody else along are left out. */
export async function othersTakenAlong(
  site: OthersSite,
  changes: readonly RowChange[],
): Promise<ReadonlyMap<RowChange, TakenAlong>> {
  const others = new Map<RowChange, TakenAlong>();
  if (site.reach.keys.length === 0 || !hasOthers(await othersOf(site, changes.map(withoutSameValues)))) return others;
  const asked = new Set(changes.map((change) => uriOf(change)!));
  for (const change of changes) {
    const taken = await othersOf(site, [withoutSameValues(change)], asked);
    if (hasOthers(taken)) others.set(change, taken);
  }
  return others;
}

/** Does a row show what the record has of it? */
export function isAsRecorded({ before }: WatchedRow, { state }: ManifestEntry): boolean {
  return sameState(onlyColumns(before, state.kind === 'row' ? Object.keys(state.columns) : []), state);
}

/** A value that a column has already moves nothing. */
function withoutSameValues(change: RowChange): RowChange {
  const { before, values } = change;
  if (before.kind !== 'row') return change;
  const isOther = ([column, value]: readonly [string, Json]): boolean =>
    before.columns[column] === undefined || canonicalJson(before.columns[column]) !== canonicalJson(value);
  return { ...change, values: Object.fromEntries(Object.entries(values).filter(isOther)) };
}

async function othersOf(
  site: OthersSite,
  changes: readonly RowChange[],
  asked?: ReadonlySet<string>,
): Promise<TakenAlong> {
  const { rows, beyond } = await rowsTakenAlong(site, changes, asked);
  return { rows: rows.filter((row) => !site.isOwn(row)), beyond };
}

function hasOthers({ rows, beyond }: TakenAlong): boolean {
  return rows.length > 0 || beyond.length > 0;
}
