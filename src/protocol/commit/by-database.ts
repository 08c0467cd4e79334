/**
 * What a database does by itself in an intent's transaction: foreign keys' actions, triggers, rules. Rows that can be
 * known are looked at before and after; what has changed is in the record as an effect of its own, so that it is undone
 * with the step. What else was changed is counted, and named.
 *
 * Invariant: nothing is attributed to a step that a raw statement has changed: its own undo sees to that.
 */
import { hasReach, type CountedChanges, type Reach } from '../../effects/database/reach.ts';
import { isSameTable } from '../../effects/database/table-name.ts';
import { formatResource } from '../../model/record/resource.ts';
import { sameState, type RowState } from '../../model/record/world.ts';
import type { RowChange } from '../../model/record/effect.ts';
import type { Foreseen, NotUndone } from '../../model/record/intent.ts';
import type { AppliedEffect, Change } from '../../model/record/record.ts';
import type { ByDatabase } from '../../store/ledger/intents.ts';
import type { OpenTransaction } from './application.ts';
import { foreseenOf } from './foreseen.ts';
import { rowsTakenAlong, spelledAs, watchedRecords, type WatchedRow } from './watched-rows.ts';

const MAX_ROWS_NAMED = 3;

/** What is looked at before and after the changes. */
export interface Watch {
  readonly rows: readonly WatchedRow[];
  /** Recorded rows that a statement may have changed as well. */
  readonly shared: readonly WatchedRow[];
  readonly unrecorded: readonly NotUndone[];
  /** What a person who approves is shown of it. */
  readonly foreseen: readonly Foreseen[];
  readonly isCounting: boolean;
}

/** What rows show before and after, by their resource: what the effects and the record know of. */
export type AccountedRows = ReadonlyMap<string, { readonly before: RowState; readonly after: RowState }>;

const NOTHING_WATCHED: Watch = { rows: [], shared: [], unrecorded: [], foreseen: [], isCounting: false };

/** Before anything is changed. `changes`: of rows, those that are to be made. */
export async function watchByDatabase(
  { database, transaction, effects, reachable, reach, spellings }: OpenTransaction,
  changes: readonly RowChange[],
): Promise<Watch> {
  if (!hasReach(reach)) return NOTHING_WATCHED;
  const { name, dialect } = database;
  const taken = await rowsTakenAlong({ name, dialect, reader: transaction, reach, spellings }, changes);
  const hasStatements = effects.some(([, { kind }]) => kind === 'sql');
  const known = new Set(taken.rows.map(({ resource }) => resource));
  const entries = reachable.filter(({ resource }) => !known.has(resource));
  const records = await watchedRecords(transaction, entries);
  const isCounting = reach.acts.length > 0 || hasStatements;
  if (isCounting) await transaction.countChanges();
  return {
    rows: hasStatements ? taken.rows : [...taken.rows, ...records],
    shared: hasStatements ? records : [],
    unrecorded: taken.beyond,
    foreseen: foreseenOf(name, taken, reach),
    isCounting,
  };
}

/** After the changes are made and settled. `states`: what the rows of the effects show, by their resource. */
export async function doneByDatabase(
  open: OpenTransaction,
  watch: Watch,
  states: AccountedRows,
): Promise<ByDatabase & { readonly changes: readonly Change[] }> {
  const { database, transaction } = open;
  const changed = await changedOf(open, watch.rows);
  const shared = await changedOf(open, watch.shared);
  const effects = changed.map(({ row, after }): AppliedEffect => ({
    effect: changeByDatabase(database.name, row, after),
    after,
    outcome: 'applied',
  }));
  const counted = watch.isCounting ? await transaction.changesCounted() : [];
  const accounted: AccountedRows = new Map([
    ...states,
    ...[...changed, ...shared].map(({ row: { resource, before }, after }) => [resource, { before, after }] as const),
  ]);
  const unaccounted =
    counted === undefined ? [notCounted(open)] : counted.flatMap((one) => unaccountedIn(open, one, accounted));
  const changes = shared.map(({ row: { resource }, after }) => ({ resource, role: 'written', state: after }) as const);
  return { effects, unrecorded: [...watch.unrecorded, ...unaccounted], changes };
}

interface ChangedRow {
  readonly row: WatchedRow;
  readonly after: RowState;
}

async function changedOf({ transaction }: OpenTransaction, rows: readonly WatchedRow[]): Promise<ChangedRow[]> {
  const found = await transaction.rows(rows.map(({ table, key, columns }) => ({ table, key, columns })));
  return rows.flatMap((row, place) => {
    const after = found[place]!;
    return sameState(after, row.before) ? [] : [{ row, after }];
  });
}

function changeByDatabase(
  database: string,
  { table, key, columns, before, by }: WatchedRow,
  after: RowState,
): RowChange {
  const kinds = { row: before.kind === 'absent' ? 'row.insert' : 'row.update', absent: 'row.delete' } as const;
  const values = after.kind === 'row' ? after.columns : {};
  return {
    kind: kinds[after.kind],
    database,
    table,
    key,
    values: Object.fromEntries(Object.entries(values).filter(([column]) => !(column in key))),
    columns: [...columns],
    before,
    by,
  };
}

/** What was changed in one table besides what the effects and the record know of. */
function unaccountedIn(
  open: OpenTransaction,
  { table: given, written, deleted }: CountedChanges,
  accounted: AccountedRows,
): readonly NotUndone[] {
  const { database, effects, reach } = open;
  const { name, dialect } = database;
  const isClaimed = effects.some(
    ([, effect]) => effect.kind === 'sql' && effect.writes.some((table) => isSameTable(dialect, table, given)),
  );
  if (isClaimed) return [];
  const table = spelledAs({ dialect, spellings: open.spellings }, given);
  const why = whyUnrecorded(reach);
  const prefix = formatResource({ kind: 'row', database: name, table, key: {} }).slice(0, -'{}'.length);
  const gone = [...accounted].filter(
    ([uri, { before, after }]) => uri.startsWith(prefix) && before.kind === 'row' && after.kind === 'absent',
  );
  const extra = written
    ?.map((key) => formatResource({ kind: 'row', database: name, table, key }))
    .filter((uri) => !accounted.has(uri));
  const told: string[] = [];
  if (extra === undefined) told.push(`rows of ${table} in database ${name}`);
  else if (extra.length > 0) told.push(namesOf(extra));
  if (deleted > gone.length) told.push(`${deleted - gone.length} deleted rows of ${table} in database ${name}`);
  return told.map((what) => ({ what, why }));
}

function namesOf(uris: readonly string[]): string {
  const more = uris.length > MAX_ROWS_NAMED ? ` and ${uris.length - MAX_ROWS_NAMED} more` : '';
  return `${uris.slice(0, MAX_ROWS_NAMED).join(', ')}${more}`;
}

function notCounted({ database, reach }: OpenTransaction): NotUndone {
  return { what: `rows of database ${database.name}`, why: `${whyUnrecorded(reach)}; the server does not count` };
}

function whyUnrecorded({ acts }: Reach): string {
  const names = acts.slice(0, MAX_ROWS_NAMED).map(({ kind, name, table }) => `${kind} ${name} of ${table}`);
  const by = names.length === 0 ? 'a foreign key' : names.join(', ');
  return `changed by the database itself (${by}); the record does not have it`;
}
