/**
 * The databases' part of an intent: a transaction each, begun in canonical order, committed in the same order.
 *
 * Invariants
 * 1. A transaction changes nothing before it has passed the fence (the job's term) and taken the token row, which says
 *    whether this intent was committed here already.
 * 2. A token row of another intent, or one that nothing explains, stops everything.
 */
import { hasReach } from '../../effects/database/reach.ts';
import { ABSENT, type TokenState } from '../../model/record/world.ts';
import { parseResource, type Resource } from '../../model/record/resource.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import { IDLE_TIMEOUT_MS, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from '../workspace/limits.ts';
import { databaseEffects, databaseNames, type Application, type OpenTransaction } from './application.ts';
import type { ApplyObstacle } from './apply-outcome.ts';
import { changeDatabase, checkRecorded, checkRows } from './change-database.ts';
import { checkReadsInside, mustBeSealedTables } from './apply-reads.ts';
import type { PlacedMark } from './effect-marks.ts';
import { reachableRows, recordedRows, tablesOf } from './recorded-rows.ts';

/** Makes and reads back what is still to be made, in transactions that stay open. */
export async function prepareDatabases(application: Application): Promise<ApplyObstacle | undefined> {
  for (const name of databaseNames(application.intent)) {
    const obstacle = await prepareDatabase(application, name);
    if (obstacle !== undefined) return obstacle;
  }
  return undefined;
}

export async function commitDatabases({ open, marks, changes, byDatabase }: Application): Promise<void> {
  for (let first = open[0]; first !== undefined; first = open[0]) {
    const { transaction, effects, afters } = first;
    await faultPointAsync('commit.database-before');
    await transaction.commit();
    open.shift();
    await faultPointAsync('commit.database-after');
    changes.push(...first.changes);
    byDatabase.set(first.database.name, first.byDatabase);
    marks.add(
      effects.map(([index]): PlacedMark => {
        const outcome = marks.isSkipped(index) ? 'skipped' : 'applied';
        return [index, { outcome, after: afters.get(index) ?? ABSENT }];
      }),
    );
    await faultPointAsync('commit.effect-marked');
  }
}

async function prepareDatabase(application: Application, name: string): Promise<ApplyObstacle | undefined> {
  const { job, row, intent, marks, isRollForward } = application;
  if (databaseEffects(intent, name).every(([index]) => marks.isMade(index))) {
    takePlannedChanges(application, name);
    return undefined;
  }
  const { open, isCurrent } = await beginTransaction(application, name);
  const { transaction } = open;
  const { token, jobId } = intent;
  const { term } = job;
  if (!isCurrent) return { kind: 'must-verify', detail: `database ${name} has another term than ${term}` };
  const taken = await transaction.takeToken(token, jobId, row.digest);
  if (taken.outcome === 'there') return await takeCommitted(application, open, taken.state);
  const obstacle =
    (await checkRows(application, open)) ??
    (isRollForward ? await mustBeSealedTables(intent, open) : await checkReadsInside(intent, open)) ??
    (await checkRecorded(application, open));
  if (obstacle !== undefined) return obstacle;
  const unforeseen = await changeDatabase(application, open);
  if (unforeseen !== undefined) return unforeseen;
  await faultPointAsync('prepare.database-ready');
  return undefined;
}

interface BegunTransaction {
  readonly open: OpenTransaction;
  /** Has it passed the fence? */
  readonly isCurrent: boolean;
}

async function beginTransaction({ job, intent, open }: Application, name: string): Promise<BegunTransaction> {
  const { jobId, token } = intent;
  const database = await job.workspace.database(name, job.settings);
  const effects = databaseEffects(intent, name);
  const transaction = await database.begin({
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  try {
    await faultPointAsync('prepare.database-begun');
    const changed = effects.map(([, effect]) => effect);
    const tables = tablesOf(changed);
    // Sent together: one round trip.
    const [isCurrent, reach] = await Promise.all([
      transaction.passFence(jobId, job.term, token),
      transaction.reach(tables),
    ]);
    const site = { ledger: job.ledger, jobId, name, dialect: database.dialect };
    const spellings = hasReach(reach) ? [...job.ledger.recordedTables(jobId, name), ...tables] : tables;
    const begun: OpenTransaction = {
      database,
      transaction,
      effects,
      reach,
      spellings,
      recorded: recordedRows(site, changed),
      reachable: reachableRows(site, changed, reach),
      afters: new Map(),
      changes: [],
      byDatabase: { effects: [], unrecorded: [] },
    };
    open.push(begun);
    return { open: begun, isCurrent };
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}

/** The token row is there: this database has committed, and the process ended before the ledger said so. */
async function takeCommitted(
  application: Application,
  committed: OpenTransaction,
  state: TokenState,
): Promise<ApplyObstacle | undefined> {
  const { job, row, intent, marks, open, isRollForward } = application;
  const { name } = committed.database;
  if (state.kind !== 'token' || state.intent !== row.digest || !isRollForward)
    return {
      kind: 'must-verify',
      detail: `database ${name} holds a token row of another intent for step ${intent.stepId}`,
    };
  await committed.transaction.rollback();
  open.splice(open.indexOf(committed), 1);
  const { afters } = job.ledger.preparedAfters(intent.token);
  const applied = committed.effects.filter(([index]) => !marks.isSkipped(index));
  marks.addDurably(applied.map(([index]) => [index, { outcome: 'applied', after: afters[index] ?? ABSENT }]));
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
