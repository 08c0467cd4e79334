/**
 * Takes the copy of a database back to a checkpoint, by what the record has of the steps that came after it: newest
 * first, in one transaction.
 *
 * Invariants
 * 1. Before anything is changed, each row that is to be is as the record has it; afterwards each row that the record
 *    knew then, or that was changed since, is as it was then. Otherwise nothing is committed.
 * 2. Which steps have changed the copy its token rows say, not the ledger: it may have been copied a moment before.
 * 3. A statement that nothing undoes stays only where a person has said so.
 */
import type { Database, DatabaseTransaction } from '../effects/database/database.ts';
import { HoldfastError } from '../model/failure.ts';
import { inUndoOrder, uriOf, type RowChange } from '../model/record/effect.ts';
import { foldManifest, type ManifestEntry } from '../model/record/manifest.ts';
import type { ChainRecord, StepRecord, UndoneRecord } from '../model/record/record.ts';
import { parseResource } from '../model/record/resource.ts';
import { ABSENT, type RowState } from '../model/record/world.ts';
import type { Moment } from './moment.ts';
import { mustBe, TIMEOUTS, type Row } from './rows.ts';
import type { InForce } from './source.ts';

/** A record that changed a database has a token row there; undefined: it has none there. */
export function tokenIn(record: ChainRecord, database: string): string | undefined {
  for (const { resource, state } of record.changes) {
    if (!resource.startsWith('token:') || state.kind !== 'token') continue;
    const parsed = parseResource(resource);
    if (parsed.kind === 'token' && parsed.database === database) return parsed.token;
  }
  return undefined;
}

export interface RollBack {
  readonly moment: Moment;
  readonly inForce: InForce;
  /** Steps whose statements stay although nothing undoes them. */
  readonly keeps: ReadonlySet<string>;
}

/** @throws HoldfastError `bad-input`: rows that are not as the record has them, or did not come to what they were */
export async function rollBack(database: Database, { moment, inForce, keeps }: RollBack): Promise<void> {
  const { name } = database;
  const tokens = moment.later.flatMap((record) => tokenIn(record, name) ?? []);
  const there = await database.tokens(tokens);
  const changed = moment.later.filter((record) => {
    const token = tokenIn(record, name);
    return token === undefined || there.get(token)?.kind === 'token';
  });
  const steps = changed.filter((record): record is StepRecord | UndoneRecord => 'effects' in record).toReversed();
  const touched = steps.flatMap(({ effects }) => effects).filter(({ effect }) => isRowOf(effect, name));
  if (steps.every(({ effects }) => effects.every(({ effect }) => !('database' in effect) || effect.database !== name)))
    return await forgetTokens(database, there);
  const now = new Map(moment.manifest);
  for (const record of changed) foldManifest(now, record);
  const rows = new Map<string, Row>();
  for (const { effect } of touched) rows.set(uriOf(effect)!, effect as RowChange);
  const transaction = await database.begin(TIMEOUTS);
  try {
    await mustBe(transaction, rows, (uri) => rowIn(now, uri), 'the record');
    for (const record of steps) await takeBack(transaction, name, record, { inForce, keeps });
    await transaction.settle();
    await mustBe(transaction, rows, then(moment, steps), `checkpoint ${moment.checkpoint.seq}`);
    for (const [token, state] of there) if (state.kind === 'token') await transaction.dropToken(token);
    await transaction.commit();
  } catch (error) {
    await transaction.rollback().catch(() => undefined);
    throw error;
  }
}

/** What only the ledger of the other job knows of. */
async function forgetTokens(database: Database, there: Awaited<ReturnType<Database['tokens']>>): Promise<void> {
  const tokens = [...there].flatMap(([token, { kind }]) => (kind === 'token' ? [token] : []));
  if (tokens.length === 0) return;
  const transaction = await database.begin(TIMEOUTS);
  for (const token of tokens) await transaction.dropToken(token);
  await transaction.commit();
}

function isRowOf(effect: StepRecord['effects'][number]['effect'], database: string): effect is RowChange {
  return 'table' in effect && effect.database === database;
}

async function takeBack(
  transaction: DatabaseTransaction,
  database: string,
  record: StepRecord | UndoneRecord,
  { inForce, keeps }: Pick<RollBack, 'inForce' | 'keeps'>,
): Promise<void> {
  const isInForce = inForce.get(record.seq) ?? (() => false);
  const applied = record.effects
    .map((one, place) => ({ ...one, place }))
    .filter(({ effect, outcome }) => outcome === 'applied' && 'database' in effect && effect.database === database);
  for (const { effect, place } of inUndoOrder(applied)) {
    if ('table' in effect) await transaction.putRow(effect.table, effect.key, effect.before);
    if (effect.kind !== 'sql' || !isInForce(place)) continue;
    if (effect.undo !== undefined) await transaction.applySql(effect.undo);
    else if (!keeps.has(record.stepId)) throw notUndone(record.stepId, effect.text);
  }
}

/** @throws HoldfastError `bad-input` */
export function notUndone(stepId: string, text: string): HoldfastError {
  return new HoldfastError(
    'bad-input',
    `Step ${stepId} ran after the checkpoint and made a statement that nothing undoes: ${text.slice(0, 200)}. ` +
      'Expected a statement with an undo, or that you say that it stays in the copy.',
    { stepId, nextStep: `To leave what it did in the copy: --item statements:${stepId}=keep` },
  );
}

/** What a row showed then: as the record knew it, or before the first of the steps that changed it. */
function then({ manifest }: Moment, steps: readonly (StepRecord | UndoneRecord)[]): (uri: string) => RowState {
  const first = new Map<string, RowState>();
  for (const { effects } of steps)
    for (const { effect, outcome } of effects.toReversed())
      if ('table' in effect && outcome === 'applied') first.set(uriOf(effect)!, effect.before);
  return (uri) => (manifest.has(uri) ? rowIn(manifest, uri) : (first.get(uri) ?? ABSENT));
}

function rowIn(manifest: ReadonlyMap<string, ManifestEntry>, uri: string): RowState {
  const state = manifest.get(uri)?.state;
  return state?.kind === 'row' ? state : ABSENT;
}
