/**
 * The databases' part of an intent: a transaction each, begun in canonical order, committed in the same order.
 *
 * Invariants
 * 1. A transaction changes nothing before it has passed the fence (the job's term) and taken the token row, which says
 *    whether this intent was committed here already.
 * 2. A token row of another intent, or one that nothing explains, stops everything.
 */
import type { Entered } from '../../effects/database/database.ts';
import { hasReach, type Reach } from '../../effects/database/reach.ts';
import { defined } from '../../model/defined.ts';
import { uriOf } from '../../model/record/effect.ts';
import { ABSENT, sameState, type TokenState } from '../../model/record/world.ts';
import { parseResource, type Resource } from '../../model/record/resource.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import { IDLE_TIMEOUT_MS, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from '../workspace/limits.ts';
import { databaseEffects, databaseNames, rowChanges, type Application, type OpenTransaction } from './application.ts';
import type { ApplyObstacle } from './apply-outcome.ts';
import { changeDatabase, checkRecorded, checkRows, readRows, type FoundEffect } from './change-database.ts';
import { checkReadsInside, mustBeSealedTables, readTables, type FoundTable } from './apply-reads.ts';
import type { PlacedMark } from './effect-marks.ts';
import { overwriteCommitted } from './overwrite-committed.ts';
import { foreseenNote } from './rows-note.ts';
import { reachableRows, recordedRows, tablesOf } from './recorded-rows.ts';

/** Makes and reads back what is still to be made, in transactions that stay open. */
export async function prepareDatabases(application: Application): Promise<ApplyObstacle | undefined> {
  for (const name of databaseNames(application.intent)) {
    const obstacle = await prepareDatabase(application, name);
    if (obstacle !== undefined) return obstacle;
  }
  return undefined;
}

export async function commitDatabases({ job, intent, open, marks, changes, byDatabase }: Application): Promise<void> {
  for (let first = open[0]; first !== undefined; first = open[0]) {
    const { transaction, effects, afters } = first;
    await faultPointAsync('commit.database-before');
    await transaction.commit();
    open.shift();
    await faultPointAsync('commit.database-after');
    job.workspace.committed.set(first.database.name, intent.token);
    changes.push(...first.changes);
    byDatabase.set(first.database.name, first.byDatabase);
    marks.addLater(
      effects.map(([index]): PlacedMark => {
        const outcome = marks.isSkipped(index) ? 'skipped' : 'applied';
        return [index, { outcome, after: afters.get(index) ?? ABSENT }];
      }),
    );
    await faultPointAsync('commit.effect-marked');
  }
}

async function prepareDatabase(application: Application, name: string): Promise<ApplyObstacle | undefined> {
  const { job, intent, marks, isRollForward } = application;
  if (databaseEffects(intent, name).every(([index]) => marks.isMade(index))) {
    takePlannedChanges(application, name);
    return undefined;
  }
  const begun = await beginTransaction(application, name);
  const found = await enterAndLook(application, begun);
  if (found.outcome !== 'taken') {
    await begun.transaction.rollback();
    if (found.outcome === 'there') return await takeCommitted(application, begun, found);
    if (found.outcome === 'lost') return notAsFar(application, name);
    return { kind: 'must-verify', detail: `database ${name} has another term than ${job.term}` };
  }
  const open = openTransaction(application, begun, found.reach);
  application.open.push(open);
  const obstacle =
    (await checkRows(application, open.database, found.rows)) ??
    (isRollForward
      ? mustBeSealedTables(intent, name, found.tables)
      : await checkReadsInside(intent, open, found.tables)) ??
    (await checkRecorded(application, open));
  if (obstacle !== undefined) return obstacle;
  const unforeseen = await changeDatabase(application, open);
  if (unforeseen !== undefined) return unforeseen;
  await faultPointAsync('prepare.database-ready');
  return undefined;
}

type BegunTransaction = Pick<OpenTransaction, 'database' | 'transaction' | 'effects' | 'foreseenNote'>;

async function beginTransaction({ job, intent }: Application, name: string): Promise<BegunTransaction> {
  const database = await job.workspace.database(name, job.settings);
  const effects = databaseEffects(intent, name);
  const transaction = await database.begin({
    changes: tablesOf(effects.map(([, effect]) => effect)),
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  const changed = effects.map(([, effect]) => effect);
  return { database, transaction, effects, foreseenNote: foreseenNote(database.dialect, changed) };
}

/** Who took the token, and what the transaction shows: asked for together, so that it takes one round trip. */
type Found =
  | Extract<Entered, { readonly outcome: 'other-term' | 'lost' }>
  | { readonly outcome: 'there'; readonly state: TokenState; readonly rows: readonly FoundEffect[] }
  | {
      readonly outcome: 'taken';
      readonly reach: Reach;
      readonly rows: readonly FoundEffect[];
      readonly tables: readonly FoundTable[];
    };

/** Where the token is not taken, nothing else counts, and no failure of it. Rolls back what fails. */
async function enterAndLook(application: Application, begun: BegunTransaction): Promise<Found> {
  const { job, row, intent } = application;
  const { database, transaction, effects } = begun;
  const { jobId, token } = intent;
  try {
    await faultPointAsync('prepare.database-begun');
    const entry = { jobId, term: job.term, token, intent: row.digest };
    const previous = job.workspace.committed.get(database.name);
    const entering = transaction.enter({ ...entry, ...defined({ rows: begun.foreseenNote, previous }) });
    const looking = Promise.all([
      transaction.reach(tablesOf(effects.map(([, effect]) => effect))),
      readRows(application, transaction, effects),
      Promise.all(readTables(intent, database.name, transaction)),
    ]);
    await Promise.allSettled([entering, looking]);
    const entered = await entering;
    if (entered.outcome === 'other-term') return entered;
    if (entered.outcome === 'lost') return entered;
    if (entered.outcome === 'there') {
      const rows = await looking.then(
        (found) => found[1],
        () => [],
      );
      return { ...entered, rows };
    }
    const [reach, rows, tables] = await looking;
    return { outcome: 'taken', reach, rows, tables };
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}

function openTransaction({ job, intent }: Application, begun: BegunTransaction, reach: Reach): OpenTransaction {
  const { ledger } = job;
  const { jobId } = intent;
  const { name, dialect } = begun.database;
  const changed = begun.effects.map(([, effect]) => effect);
  const tables = tablesOf(changed);
  const site = { ledger, jobId, name, dialect };
  return {
    ...begun,
    reach,
    spellings: hasReach(reach) ? [...ledger.recordedTables(jobId, name), ...tables] : tables,
    recorded: recordedRows(site, changed),
    reachable: reachableRows(site, changed, reach),
    afters: new Map(),
    changes: [],
    byDatabase: { effects: [], unrecorded: [] },
    noted: Promise.resolve(),
  };
}

/** It has lost what this worker has committed: a standby took over that had not got it yet, or it was restored. */
function notAsFar({ job: { workspace } }: Application, name: string): ApplyObstacle {
  // The comparison sees everything that is lost. What was taken back since is no loss, and is looked for once.
  workspace.committed.delete(name);
  return { kind: 'must-verify', detail: `database ${name} does not have any more what was committed to it last` };
}

/** The token row is there: this database has committed, and the process ended before the ledger said so. */
async function takeCommitted(
  application: Application,
  { database, effects }: BegunTransaction,
  { state, rows: found }: Extract<Found, { outcome: 'there' }>,
): Promise<ApplyObstacle | undefined> {
  const { name } = database;
  const { job, row, intent, marks, isRollForward } = application;
  if (state.kind !== 'token' || state.intent !== row.digest || !isRollForward)
    return {
      kind: 'must-verify',
      detail: `database ${name} holds a token row of another intent for step ${intent.stepId}`,
    };
  const obstacle = await overwriteCommitted(application, database, rowChanges(effects));
  if (obstacle !== undefined) return obstacle;
  const { afters } = job.ledger.preparedAfters(intent.token);
  const applied = effects.filter(([index]) => !marks.isSkipped(index));
  marks.addDurably(applied.map(([index]) => [index, { outcome: 'applied', after: afters[index] ?? ABSENT }]));
  // Somebody has changed it after the COMMIT. From now on a comparison knows what the row should show.
  const changed = found.find(([[index], state]) => !sameState(state, afters[index] ?? ABSENT));
  if (changed !== undefined) {
    const resource = uriOf(changed[0][1])!;
    return { kind: 'must-verify', detail: `${resource} has changed since it was committed`, resource };
  }
  takePlannedChanges(application, name);
  return undefined;
}

/** What an earlier attempt's transaction changed besides its effects; the ledger noted it before the COMMIT. */
function takePlannedChanges({ job, intent, changes, byDatabase }: Application, name: string): void {
  const prepared = job.ledger.preparedAfters(intent.token);
  const own = prepared.byDatabase?.[name];
  if (own !== undefined) byDatabase.set(name, own);
  changes.push(...prepared.changes.filter(({ resource }) => isInDatabase(parseResource(resource), name)));
}

function isInDatabase(resource: Resource, name: string): boolean {
  return 'database' in resource && resource.database === name;
}
