/**
 * What happens inside a database's transaction: the state before every row is checked, the changes are made in the
 * intent's order, and what came of them is read back.
 *
 * Invariant: a statement takes in nothing that somebody else has changed. Recorded rows of the tables that it writes
 * are compared with the record first.
 */
import type { Database, DatabaseTransaction, RowReader, RowRequest } from '../../effects/database/database.ts';
import { formatResource } from '../../model/record/resource.ts';
import { resourceOfEffect, uriOf, type DatabaseEffect, type RowChange } from '../../model/record/effect.ts';
import { rowState } from '../../model/record/narrowed-state.ts';
import { sameState, type RowState } from '../../model/record/world.ts';
import type { Conflict } from '../question/conflict.ts';
import { rowChanges, type Application, type OpenTransaction, type PlacedEffect } from './application.ts';
import type { ApplyObstacle } from './apply-outcome.ts';
import { lastAsked, mustBeAsAsked } from './as-asked.ts';
import { doneByDatabase, watchByDatabase, type AccountedRows } from './by-database.ts';
import { isAsForeseen } from './foreseen.ts';
import { readRecorded } from './recorded-rows.ts';
import { isNoted, rowsNote } from './rows-note.ts';

/** A row that is to be changed, as the transaction finds it. */
export type FoundEffect = readonly [effect: PlacedEffect<RowChange>, found: RowState];

/** Those of which no person has decided what may be there. */
export async function readRows(
  { marks }: Application,
  transaction: RowReader,
  effects: readonly PlacedEffect<DatabaseEffect>[],
): Promise<readonly FoundEffect[]> {
  const rows = rowChanges(effects).filter(([index]) => !marks.isRuledOn(index));
  const found = await transaction.rows(rows.map(([, change]) => requestOf(change)));
  return rows.map((effect, place) => [effect, found[place]!]);
}

/** Rows as they were when the intent was sealed, unless a person decided otherwise. */
export async function checkRows(
  { isRollForward }: Application,
  database: Database,
  found: readonly FoundEffect[],
): Promise<ApplyObstacle | undefined> {
  const conflicts: Conflict[] = [];
  for (const [[index, change], state] of found) {
    if (sameState(state, change.before)) continue;
    const resource = formatResource(resourceOfEffect(change)!);
    if (!isRollForward) return { kind: 'stale', resource };
    // A row that may only be hidden is for a comparison to tell.
    if (state.kind === 'absent' && (await database.hiding([change.table])).size > 0)
      return { kind: 'must-verify', detail: `${resource} cannot be seen`, resource };
    conflicts.push({
      effect: index,
      resource,
      expectedBefore: change.before,
      expectedAfter: undefined,
      found: state,
    });
  }
  return conflicts.length > 0 ? { kind: 'conflicts', conflicts } : undefined;
}

export async function checkRecorded(
  { job, intent, isRollForward }: Application,
  { transaction, recorded }: OpenTransaction,
): Promise<ApplyObstacle | undefined> {
  const found = await readRecorded(transaction, recorded);
  // While it rolls forward a comparison accepts what is planned, too: to refuse it here would never end.
  const planned = isRollForward ? job.ledger.preparedAfters(intent.token).changes : [];
  const drifted = found.find(
    ({ resource, state, isAsRecorded }) =>
      !isAsRecorded && !planned.some((change) => change.resource === resource && sameState(change.state, state)),
  );
  if (drifted === undefined) return undefined;
  const { resource } = drifted;
  return isRollForward
    ? { kind: 'must-verify', detail: `${resource} is not as recorded`, resource }
    : { kind: 'stale', resource };
}

/** Makes the changes and notes what they come to, in the token row and for the record. */
export async function changeDatabase(
  { row, intent, marks, isRollForward }: Application,
  open: OpenTransaction,
): Promise<ApplyObstacle | undefined> {
  const { database, transaction, effects, reach, recorded, afters, changes } = open;
  const toMake = effects.filter(([index]) => !marks.isSkipped(index));
  const watch = await watchByDatabase(
    open,
    rowChanges(toMake).map(([, change]) => change),
  );
  // What was approved, or looked at for an undoing, is done, and nothing else with it.
  const isForeseen = row.approval || intent.undoes !== undefined;
  if (isForeseen && !isRollForward && !isAsForeseen(intent, database.name, watch.foreseen))
    return { kind: 'stale', resource: `what database ${database.name} does by itself` };
  const rows = rowChanges(effects);
  const { unmade, states } = await changeAndReadBack(
    transaction,
    toMake.map(([, effect]) => effect),
    rows.map(([, change]) => requestOf(change)),
  );
  rows.forEach(([index], place) => afters.set(index, states[place]!));
  for (const [index, change] of lastAsked(toMake))
    mustBeAsAsked(
      { change, after: rowState(afters.get(index)), isUnmade: unmade.has(change) },
      reach,
      database.dialect,
    );
  // What a raw statement did to the tables that it names.
  const tables = new Set(effects.flatMap(([, effect]) => (effect.kind === 'sql' ? effect.writes : [])));
  for (const table of tables) {
    const resource = formatResource({ kind: 'schema', database: database.name, table });
    changes.push({ resource, role: 'written', state: await transaction.schema(table) });
  }
  const done = await doneByDatabase(open, watch, statesOf(rows, states));
  open.byDatabase = { effects: done.effects, unrecorded: done.unrecorded };
  changes.push(...done.changes);
  const own = new Set(done.effects.map(({ effect }) => uriOf(effect)));
  for (const { resource, state, isAsRecorded } of await readRecorded(transaction, recorded))
    if (!isAsRecorded && !own.has(resource)) changes.push({ resource, role: 'written', state });
  const note = rowsNote(states);
  if (!isNoted(open.foreseenNote, note, reach)) {
    // The answer comes while the files are looked at.
    open.noted = transaction.noteRows(intent.token, note);
    open.noted.catch(() => undefined);
  }
  changes.push({
    resource: formatResource({ kind: 'token', database: database.name, token: intent.token }),
    role: 'written',
    state: { kind: 'token', intent: row.digest, rows: note },
  });
  return undefined;
}

function statesOf(rows: readonly PlacedEffect<RowChange>[], states: readonly RowState[]): AccountedRows {
  return new Map(rows.map(([, change], place) => [uriOf(change)!, { before: change.before, after: states[place]! }]));
}

interface ReadBack {
  /** By which the database has changed no row. */
  readonly unmade: ReadonlySet<RowChange>;
  readonly states: readonly RowState[];
}

/** Rows between two statements go together; the last of them with what is read back. */
async function changeAndReadBack(
  transaction: DatabaseTransaction,
  effects: readonly DatabaseEffect[],
  requests: readonly RowRequest[],
): Promise<ReadBack> {
  const unmade = new Set<RowChange>();
  let rows: RowChange[] = [];
  for (const effect of effects) {
    if (effect.kind !== 'sql') {
      rows.push(effect);
      continue;
    }
    if (rows.length > 0) for (const change of await transaction.applyRows(rows)) unmade.add(change);
    rows = [];
    await transaction.applySql(effect);
  }
  const last = await transaction.changeRows(rows, requests);
  for (const change of last.unmade) unmade.add(change);
  return { unmade, states: last.states };
}

function requestOf({ table, key, columns }: RowChange): RowRequest {
  return { table, key, columns };
}
