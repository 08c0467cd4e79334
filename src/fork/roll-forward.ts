/**
 * Makes an empty PostgreSQL database what the other job's was at a checkpoint: by its base, SQL that a person gives,
 * and by what the record has of the steps up to there, oldest first, in one transaction that stays open.
 *
 * Invariants
 * 1. Before it is committed each row and each table that the record knew then is as the record has it.
 * 2. Until then nothing is in the database but Holdfast's own tables, which whoever gives it up takes away.
 */
import { randomBytes } from 'node:crypto';
import type { Database, DatabaseTransaction } from '../effects/database/database.ts';
import { HoldfastError, isFailure } from '../model/failure.ts';
import { runnableBase } from '../model/plan/database-base.ts';
import { uriOf } from '../model/record/effect.ts';
import type { AppliedEffect, Change, ChainRecord } from '../model/record/record.ts';
import { parseResource } from '../model/record/resource.ts';
import { sameState, type RowState, type TableSchemaState } from '../model/record/world.ts';
import { requestedStepOf } from '../model/sub-step-id.ts';
import type { Moment } from './moment.ts';
import { mustBe, type Row } from './rows.ts';

/** @returns which tables these are, for the fork's record. @throws HoldfastError `bad-input`, `sql-failed`, … */
export async function rollForward(
  database: Database,
  transaction: DatabaseTransaction,
  { base, moment }: { readonly base: string; readonly moment: Moment },
): Promise<readonly Change[]> {
  const { name } = database;
  refuseStatementsAgain(name, moment);
  await applyBase(transaction, base);
  for (const { record } of moment.chain) await made(record, () => apply(transaction, name, record));
  await transaction.settle();
  const rows = new Map<string, Row>();
  for (const resource of moment.manifest.keys()) {
    const parsed = resource.startsWith('row:') ? parseResource(resource) : undefined;
    if (parsed?.kind === 'row' && parsed.database === name) rows.set(resource, parsed);
  }
  const then = (uri: string): RowState => moment.manifest.get(uri)!.state as RowState;
  await mustBe(transaction, rows, then, `checkpoint ${moment.checkpoint.seq}`);
  return await schemasOf(transaction, name, moment);
}

/** In one statement of the transaction, however many there are in it. */
async function applyBase(transaction: DatabaseTransaction, base: string): Promise<void> {
  const { rows } = await transaction.query("SELECT current_setting('search_path') AS path", []);
  const [outer, inner] = [tag(), tag()];
  try {
    await transaction.applySql({
      text: `DO ${outer} BEGIN EXECUTE ${inner}${runnableBase(base)}${inner}; END ${outer}`,
      params: [],
    });
  } catch (error) {
    if (!isFailure(error, 'sql-failed')) throw error;
    throw new HoldfastError('bad-input', `The base could not be made: ${error.message}`, {}, { cause: error });
  }
  // What pg_dump writes takes the search path away.
  await transaction.applySql({
    text: "SELECT set_config('search_path', $1, true)",
    params: [String(rows[0]!['path'])],
  });
}

function tag(): string {
  return `$holdfast_${randomBytes(8).toString('hex')}$`;
}

async function made(record: ChainRecord, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isFailure(error, 'sql-failed', 'unknown-table', 'no-key', 'bad-input')) throw error;
    const what = 'stepId' in record ? `step ${record.stepId}` : `record ${record.seq}`;
    throw new HoldfastError(
      'bad-input',
      `On this base what ${what} did can't be done: ${error.message}`,
      { seq: record.seq },
      { cause: error },
    );
  }
}

async function apply(transaction: DatabaseTransaction, database: string, record: ChainRecord): Promise<void> {
  const isAsked = 'effects' in record;
  if (isAsked) for (const one of record.effects) await applyEffect(transaction, database, one);
  for (const { resource, state } of record.changes) {
    if (!/^(row|token):/.test(resource)) continue;
    const parsed = parseResource(resource);
    if (!('database' in parsed) || parsed.database !== database) continue;
    // What a person has accepted, or a repair has put back; what a step came to follows from what it did.
    if (parsed.kind === 'row' && !isAsked && (state.kind === 'row' || state.kind === 'absent'))
      await transaction.putRow(parsed.table, parsed.key, state);
    if (parsed.kind !== 'token') continue;
    if (state.kind === 'absent') await transaction.dropToken(parsed.token);
    if (state.kind !== 'token') continue;
    await transaction.takeToken(parsed.token, record.jobId, state.intent);
    await transaction.noteRows(parsed.token, state.rows);
  }
}

async function applyEffect(
  transaction: DatabaseTransaction,
  database: string,
  { effect, outcome }: AppliedEffect,
): Promise<void> {
  if (outcome !== 'applied' || !('database' in effect) || effect.database !== database) return;
  if (effect.kind === 'sql') return await transaction.applySql(effect);
  // What the database changed by itself it changes by itself.
  if (!('table' in effect) || effect.by !== undefined) return;
  const { table, key, columns, before } = effect;
  const [found] = await transaction.rows([{ table, key, columns }]);
  if (!sameState(found!, before))
    throw new HoldfastError('bad-input', `${uriOf(effect)} is not as it was before that.`, { resource: uriOf(effect) });
  await transaction.applyRow(effect);
}

/** Of a statement that was undone, or made again, the record does not have in which order. */
function refuseStatementsAgain(database: string, { chain }: Moment): void {
  const stated = new Set<string>();
  for (const { record } of chain) {
    if (record.kind === 'step' && record.effects.some(({ effect }) => isStatementOf(effect, database)))
      stated.add(requestedStepOf(record.stepId));
    const again = record.kind === 'decision' ? record.reruns.find(({ stepId }) => stated.has(stepId)) : undefined;
    if (again !== undefined)
      throw new HoldfastError(
        'bad-input',
        `Step ${again.stepId} made a statement in database "${database}" and ran again: from a base it can't be told ` +
          'what is there then.',
        { nextStep: `Name one that is not there yet, without --base ${database}: it is copied from the other.` },
      );
  }
}

function isStatementOf(effect: AppliedEffect['effect'], database: string): boolean {
  return effect.kind === 'sql' && effect.database === database;
}

/** Another table of the same name and form. @throws HoldfastError `bad-input` where its form is another */
async function schemasOf(
  transaction: DatabaseTransaction,
  database: string,
  { manifest }: Moment,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const [resource, { state }] of manifest) {
    if (!resource.startsWith('schema:')) continue;
    const parsed = parseResource(resource);
    if (parsed.kind !== 'schema' || parsed.database !== database) continue;
    const found = await transaction.schema(parsed.table);
    if (!sameState(found, withoutPlace(state as TableSchemaState)))
      throw new HoldfastError(
        'bad-input',
        `Database "${database}": the base makes table ${parsed.table} otherwise than the record has it. Expected the ` +
          "other database's tables as they were.",
        { resource },
      );
    if (!sameState(found, state)) changes.push({ resource, role: 'accepted', state: found });
  }
  return changes;
}

function withoutPlace(state: TableSchemaState): TableSchemaState {
  const { table: _table, ...form } = state;
  return form;
}
