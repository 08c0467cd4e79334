/**
 * Rows, statements and token rows that a repair changes: all of a database in one transaction with the repair's own
 * token row, so exactly once, however often the repair is killed.
 */
import { digestOf } from '../../../model/digest.ts';
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import { statementsOf } from '../../../model/question/unrepeatable.ts';
import { formatResource } from '../../../model/record/resource.ts';
import { sameState, type ResourceState, type RowState } from '../../../model/record/world.ts';
import type { Database, DatabaseTransaction } from '../../../effects/database/database.ts';
import { faultPointAsync } from '../../../store/fault-point.ts';
import { IDLE_TIMEOUT_MS, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from '../../workspace/limits.ts';
import { reachableRows, readRecorded, recordedRows } from '../../commit/recorded-rows.ts';
import type { DatabaseChange, RowReset, StatementUndo } from '../running/database-changes.ts';
import type { RunningRepair } from '../running/running-repair.ts';
import { rowsToSpare, type SparedRows } from './spared-rows.ts';
import { orUnchanged, Unchanged } from './unchanged.ts';

const MAX_NAMED = 5;
const SHOWS_SOMETHING_ELSE = 'it shows neither what the question showed nor what the step had made of it';

export async function changeDatabases(repair: RunningRepair): Promise<void> {
  for (const change of repair.databases.byDatabase()) {
    const outcome = await orUnchanged(() => changeDatabase(repair, change));
    // The transaction is one: what cannot be undone in it leaves the rest unchanged, too.
    if (outcome instanceof Unchanged) repair.stays(`database ${change.name}: unchanged (${outcome.reason})`);
  }
}

async function changeDatabase(repair: RunningRepair, change: DatabaseChange): Promise<void> {
  const { context, sealed } = repair;
  const database = await context.workspace.database(change.name, context.settings);
  const fence = await database.fence(context.jobId);
  const transaction = await database.begin({
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  const intent = digestOf(sealed.decision);
  let spared: SparedRows = new Map();
  try {
    if (fence !== undefined) await holdFence(repair, transaction, fence.term);
    const taken = await transaction.takeToken(sealed.digest, context.jobId, intent);
    if (taken.outcome === 'taken') spared = await changeOnce(repair, change, transaction);
  } finally {
    await transaction.rollback();
  }
  await tellRows(repair, change, database, spared);
  await tellTables(repair, change, database);
  const token = formatResource({ kind: 'token', database: change.name, token: sealed.digest });
  repair.change('written', token, { kind: 'token', intent, rows: '' });
}

/** Nobody raises the term until the transaction has ended: whoever compares the world later finds it done or not. */
async function holdFence(
  { context, sealed }: RunningRepair,
  transaction: DatabaseTransaction,
  term: number,
): Promise<void> {
  if (await transaction.passFence(context.jobId, term, sealed.digest)) return;
  throw new HoldfastError('busy', `Another verification has raised the term of ${context.jobId} above ${term}.`);
}

async function changeOnce(
  repair: RunningRepair,
  change: DatabaseChange,
  transaction: DatabaseTransaction,
): Promise<SparedRows> {
  const { spared, others } = await applyChange(repair, change, transaction);
  await transaction.noteRows(repair.sealed.digest, '');
  await faultPointAsync('repair.database-ready');
  await transaction.commit();
  // Tokens that it has taken away are no loss: nobody looks for them any more.
  repair.context.workspace.committed.set(change.name, repair.sealed.digest);
  for (const [resource, state] of others) repair.change('undone', resource, state);
  return spared;
}

/** What has come of a change while its transaction is open. */
export interface AppliedChange {
  readonly spared: SparedRows;
  /** Rows that were put: the others showed something else. */
  readonly put: ReadonlySet<RowReset>;
  /** Recorded rows that statements have changed along: what they show now. */
  readonly others: readonly (readonly [resource: string, state: ResourceState])[];
}

/** Everything but the commit, so that a rehearsal does the same. @throws HoldfastError that names what was refused */
export async function applyChange(
  repair: RunningRepair,
  { name, changes, tokens }: DatabaseChange,
  transaction: DatabaseTransaction,
): Promise<AppliedChange> {
  const { context } = repair;
  const rows = changes.filter(isRow);
  const own = new Set(rows.map(({ resource }) => resource));
  const effects = changes.map((one) => ({ kind: 'sql', writes: isRow(one) ? [] : one.writes }) as const);
  const reach = await transaction.reach([
    ...new Set(changes.flatMap((one) => (isRow(one) ? [one.table] : one.writes))),
  ]);
  const { ledger, jobId, settings, workspace } = context;
  const site = { ledger, jobId, name, dialect: workspace.dialectOf(name, settings) };
  const recorded = [...recordedRows(site, effects), ...reachableRows(site, effects, reach)].filter(
    ({ resource }) => !own.has(resource),
  );
  const earlier = await readRecorded(transaction, recorded);
  const asRecorded = new Set(earlier.filter((row) => row.isAsRecorded).map(({ resource }) => resource));
  const spared = await rowsToSpare(repair, { ...site, reader: transaction, reach }, changes);
  const shownFirst = await rowsAsShown(transaction, rows);
  const put = new Set<RowReset>();
  for (const one of changes) {
    if (isRow(one) && spared.has(one.resource)) continue;
    if (isRow(one) && !shownFirst.has(one) && !(await isAsShown(transaction, one))) continue;
    await orRefused([one], () => applyOne(transaction, one));
    if (isRow(one)) put.add(one);
  }
  await orRefused(changes, () => transaction.settle());
  for (const token of tokens) await transaction.dropToken(token);
  const later = await readRecorded(transaction, recorded);
  const others = later.flatMap(({ resource, state, isAsRecorded }) =>
    asRecorded.has(resource) && !isAsRecorded ? [[resource, state] as const] : [],
  );
  return { spared, put, others };
}

async function applyOne(transaction: DatabaseTransaction, one: RowReset | StatementUndo): Promise<void> {
  if (isRow(one)) await transaction.putRow(one.table, one.key, one.wanted);
  else await transaction.applySql({ text: one.text, params: [...one.params] });
}

/** What a database refuses for good says which change that was. */
async function orRefused(changes: DatabaseChange['changes'], act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isFailure(error) || error.retryable) throw error;
    const rows = new Set(changes.filter(isRow).map(({ resource }) => resource));
    const steps = new Set(changes.flatMap((one) => (isRow(one) ? [] : [one.stepId])));
    const named = [
      ...[...rows].slice(0, MAX_NAMED),
      ...[...steps].map((stepId) => `what a statement of step ${stepId} did`),
    ];
    const statements = [...steps].map(statementsOf);
    throw new HoldfastError(
      error.type,
      `${named.join(', ')} cannot be put back: ${error.message}`,
      { ...error.details, statements },
      { cause: error },
    );
  }
}

export function isRow(change: RowReset | StatementUndo): change is RowReset {
  return 'wanted' in change;
}

/**
 * Of each row the newest change, where the row shows what it shall show before anything is undone: a statement of the
 * same step may have changed the row as well, and is undone first.
 */
async function rowsAsShown(
  transaction: Pick<DatabaseTransaction, 'rows'>,
  rows: readonly RowReset[],
): Promise<ReadonlySet<RowReset>> {
  const newest = [...new Map(rows.toReversed().map((row) => [row.resource, row])).values()];
  const shown = new Set<RowReset>();
  for (const row of newest) if (await isAsShown(transaction, row)) shown.add(row);
  return shown;
}

/** Somebody else's change since is never replaced unseen. */
async function isAsShown(
  transaction: Pick<DatabaseTransaction, 'rows'>,
  { table, key, shown }: RowReset,
): Promise<boolean> {
  const [found] = await transaction.rows([{ table, key, columns: columnsOf(shown, key) }]);
  return found !== undefined && sameState(found, shown);
}

export function columnsOf(state: RowState, key: RowReset['key']): string[] {
  return Object.keys(state.kind === 'row' ? state.columns : key);
}

/**
 * What came of the rows, told from the world: of several changes of a row the last that it shows. An older one is left
 * where a person's state stands between, and what the newer one has put back is the record all the same.
 */
async function tellRows(
  repair: RunningRepair,
  { changes }: DatabaseChange,
  database: Database,
  spared: SparedRows,
): Promise<void> {
  const rows = changes.filter(isRow);
  const states = await database.rows(
    rows.map(({ table, key, wanted }) => ({ table, key, columns: columnsOf(wanted, key) })),
  );
  const reached = new Map<string, RowReset>();
  rows.forEach((row, index) => {
    if (sameState(states[index]!, row.wanted)) reached.set(row.resource, row);
  });
  for (const [resource, last] of new Map(rows.map((row) => [row.resource, row]))) {
    const row = reached.get(resource);
    if (row !== undefined) repair.change('undone', resource, row.wanted);
    if (row === last) repair.note(`${resource}: put back`);
    else if (row !== undefined) repair.note(`${resource}: put back to what a person has decided, and no further`);
    else repair.stays(`${resource}: unchanged (${spared.get(resource) ?? SHOWS_SOMETHING_ELSE})`);
  }
}

/** Statements may have changed the schemas of the tables that they name. */
async function tellTables(repair: RunningRepair, { name, changes }: DatabaseChange, database: Database): Promise<void> {
  for (const table of new Set(changes.flatMap((one) => (isRow(one) ? [] : one.writes)))) {
    const resource = formatResource({ kind: 'schema', database: name, table });
    repair.change('undone', resource, await database.schema(table));
  }
}
