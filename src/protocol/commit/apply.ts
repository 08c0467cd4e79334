/**
 * Applies a sealed intent in two phases, under the workspace's lock.
 *
 * Prepare: a transaction on each database in canonical order, in which the token row decides "already applied?"; every
 * `before` and observation is checked; nothing is visible yet. Commit: the intent is marked `applying` durably, then
 * only COMMITs, in order, and renames, each marked done as it is done.
 *
 * Invariants
 * 1. Nothing is applied under another term, by another claim, or while a question about the world is open.
 * 2. Before `applying` anything stale leaves the world untouched. From `applying` on it only rolls forward: what is not
 *    done is prepared again, and a target found neither before nor after is a conflict for a person.
 */
import type { Database, DatabaseTransaction } from '../../effects/database/database.ts';
import { digestOf } from '../../model/digest.ts';
import { formatResource } from '../../model/record/resource.ts';
import {
  changesKind,
  isToApply,
  resourceOfEffect,
  type DatabaseEffect,
  type FileEffect,
  type RowChange,
} from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { AppliedEffect, Change } from '../../model/record/record.ts';
import { ABSENT, sameState, stateDigest, type ResourceState, type RowState } from '../../model/record/world.ts';
import { faultPoint, faultPointAsync } from '../../store/fault-point.ts';
import type { EffectMark } from '../../store/ledger/effect-marks.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PlannedRecord } from '../../store/ledger/chain.ts';
import { listingDigest, rowsDigest } from '../look/digests.ts';
import type { FileSighting } from '../../effects/files/index.ts';
import { Turns } from '../../effects/turns.ts';
import type { Conflict } from '../question/conflict.ts';
import { MAX_FILES_ONE_BY_ONE, type PreparedFiles } from './prepare.ts';
import { readRecorded, recordedRows } from './recorded-rows.ts';
import { afterOf, asPrepared, changesOf, outcomeOf, stepFields, type Applied } from './step-record.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { IDLE_TIMEOUT_MS, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from '../workspace/limits.ts';

export type ApplyOutcome =
  | ({
      readonly kind: 'applied';
      /** Absent where it was rolled forward: then what was found counts, too. */ readonly planned?: PlannedRecord;
    } & Applied)
  /** Nothing was applied: something read or replaced is not as it was when the intent was sealed. */
  | { readonly kind: 'stale'; readonly resource: string }
  | { readonly kind: 'conflicts'; readonly conflicts: readonly Conflict[] }
  /** Another term, or a token row of another intent. */
  | {
      readonly kind: 'must-verify';
      readonly detail: string;
      /** What is not as recorded. */ readonly resource?: string;
    };

export interface ApplyParts {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly row: IntentRow;
  readonly term: number;
  /** For the record. */
  readonly runId: string;
  /** What each file looked like when it was last hashed by this attempt. */
  readonly seenFiles: ReadonlyMap<string, FileSighting>;
}

const FILES_A_BATCH = 50;

/** Call under the lock, after `prepareFiles`. @throws HoldfastError for what may pass (busy, unreachable) or is the step's fault (`sql-failed`) */
export async function applyIntent(parts: ApplyParts, ledger: Ledger, prepared: PreparedFiles): Promise<ApplyOutcome> {
  const application = new Application(parts, ledger, prepared);
  return await application.run();
}

interface OpenTransaction {
  readonly database: Database;
  readonly transaction: DatabaseTransaction;
  /** What the transaction read back, by effect. */
  readonly afters: Map<number, ResourceState>;
  readonly changes: Change[];
}

class Application {
  readonly #parts: ApplyParts;
  readonly #ledger: Ledger;
  readonly #intent: Intent;
  readonly #prepared: PreparedFiles;
  readonly #marks: Map<number, EffectMark>;
  readonly #isRollForward: boolean;
  /** Effects that are not done yet. */
  readonly #pending: Set<number>;
  readonly #open: OpenTransaction[] = [];
  readonly #changes: Change[] = [];

  constructor(parts: ApplyParts, ledger: Ledger, prepared: PreparedFiles) {
    this.#parts = parts;
    this.#ledger = ledger;
    this.#intent = parts.row.intent;
    this.#prepared = prepared;
    this.#marks = new Map(ledger.effectMarks(parts.row.intent.token));
    this.#isRollForward = parts.row.state === 'applying';
    this.#pending = new Set([...this.#intent.effects.keys()].filter((index) => !this.#isDone(index)));
  }

  async run(): Promise<ApplyOutcome> {
    try {
      const obstacle =
        (await this.#prepareDatabases()) ??
        (await this.#checkFiles()) ??
        (this.#isRollForward ? undefined : await this.#checkReads());
      if (obstacle !== undefined) return obstacle;
      for (const file of this.#prepared) await file?.durable;
      const planned = this.#beginApplying();
      await this.#commitDatabases();
      const conflict = await this.#commitFiles();
      if (conflict !== undefined) return { kind: 'conflicts', conflicts: [conflict] };
      return { kind: 'applied', ...this.#applied(), ...(planned === undefined ? {} : { planned }) };
    } finally {
      for (const { transaction } of this.#open) await transaction.rollback();
      // What was committed has used its prepared file up; whatever else is prepared again by the next attempt.
      for (const file of this.#prepared) if (file !== undefined) this.#parts.workspace.files.discard(file);
    }
  }

  // ---- prepare -----------------------------------------------------------------------------------------------------

  async #prepareDatabases(): Promise<ApplyOutcome | undefined> {
    const names = [
      ...new Set(this.#intent.effects.flatMap((effect) => ('database' in effect ? [effect.database] : []))),
    ].sort();
    for (const name of names) {
      const obstacle = await this.#prepareDatabase(name);
      if (obstacle !== undefined) return obstacle;
    }
    return undefined;
  }

  async #prepareDatabase(name: string): Promise<ApplyOutcome | undefined> {
    const { workspace, settings, row, term } = this.#parts;
    const { token, jobId } = this.#intent;
    const effects = this.#databaseEffects(name);
    if (effects.every(([index]) => this.#isDone(index))) {
      this.#takePlannedChanges(name);
      return undefined;
    }
    const database = await workspace.database(name, settings);
    const transaction = await database.begin({
      lockTimeoutMs: LOCK_TIMEOUT_MS,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    });
    const open: OpenTransaction = { database, transaction, afters: new Map(), changes: [] };
    this.#open.push(open);
    await faultPointAsync('prepare.database-begun');
    if (!(await transaction.passFence(jobId, term, token)))
      return { kind: 'must-verify', detail: `database ${name} has another term than ${term}` };
    const taken = await transaction.takeToken(token, jobId, row.digest);
    if (taken.outcome === 'there') return await this.#alreadyCommitted(name, open, taken.state);

    const stale =
      (await this.#checkRows(transaction, effects)) ??
      (this.#isRollForward ? undefined : await this.#checkSchemas(name, transaction));
    if (stale !== undefined) return stale;
    const recorded = recordedRows(
      this.#ledger,
      jobId,
      name,
      effects.map(([, effect]) => effect),
    );
    const asFound = await readRecorded(transaction, recorded);
    // While it rolls forward a comparison accepts what is planned, too; to refuse it here would never end.
    const planned = this.#isRollForward ? this.#ledger.preparedAfters(token).changes : [];
    const drifted = asFound.find(
      ({ resource, state, isAsRecorded }) =>
        !isAsRecorded && !planned.some((change) => change.resource === resource && sameState(change.state, state)),
    );
    // A statement must not take in what somebody else has changed.
    if (drifted !== undefined)
      return this.#isRollForward
        ? { kind: 'must-verify', detail: `${drifted.resource} is not as recorded`, resource: drifted.resource }
        : { kind: 'stale', resource: drifted.resource };
    await applyInOrder(
      transaction,
      effects.filter(([index]) => this.#marks.get(index)?.outcome !== 'skipped').map(([, effect]) => effect),
    );
    await transaction.settle();
    const rows = effects.filter((entry): entry is [number, RowChange] => entry[1].kind !== 'sql');
    const after = await transaction.rows(
      rows.map(([, change]) => ({ table: change.table, key: change.key, columns: change.columns })),
    );
    rows.forEach(([index], place) => open.afters.set(index, after[place]!));
    await this.#noteSchemas(name, transaction, effects, open.changes);
    for (const { resource, state, isAsRecorded } of await readRecorded(transaction, recorded))
      if (!isAsRecorded) open.changes.push({ resource, role: 'written', state });
    const rowsNote = digestOf(after.map(stateDigest));
    await transaction.noteRows(token, rowsNote);
    open.changes.push({
      resource: formatResource({ kind: 'token', database: name, token }),
      role: 'written',
      state: { kind: 'token', intent: row.digest, rows: rowsNote },
    });
    await faultPointAsync('prepare.database-ready');
    return undefined;
  }

  /** The token row is there: this database has committed, and the process ended before the ledger said so. */
  async #alreadyCommitted(
    name: string,
    open: OpenTransaction,
    state: ResourceState,
  ): Promise<ApplyOutcome | undefined> {
    const { row } = this.#parts;
    if (state.kind !== 'token' || state.intent !== row.digest || !this.#isRollForward) {
      return {
        kind: 'must-verify',
        detail: `database ${name} holds a token row of another intent for step ${this.#intent.stepId}`,
      };
    }
    await open.transaction.rollback();
    this.#open.splice(this.#open.indexOf(open), 1);
    const effects = this.#databaseEffects(name);
    const planned = this.#ledger.preparedAfters(this.#intent.token);
    this.#ledger.transaction(() => {
      for (const [index] of effects) {
        if (this.#marks.get(index)?.outcome !== 'skipped')
          this.#mark(index, { outcome: 'applied', after: planned.afters[index] ?? ABSENT });
      }
    });
    this.#takePlannedChanges(name);
    return undefined;
  }

  /** What an earlier attempt's transaction changed besides rows; it wrote it down before it committed. */
  #takePlannedChanges(name: string): void {
    const planned = this.#ledger.preparedAfters(this.#intent.token).changes;
    this.#changes.push(
      ...planned.filter(({ resource }) =>
        ['token', 'schema', 'row'].some((scheme) => resource.startsWith(`${scheme}:${name}/`)),
      ),
    );
  }

  async #checkRows(
    transaction: DatabaseTransaction,
    effects: readonly [number, DatabaseEffect][],
  ): Promise<ApplyOutcome | undefined> {
    const rows = effects.filter(
      (entry): entry is [number, RowChange] => entry[1].kind !== 'sql' && !this.#isOverridden(entry[0]),
    );
    const found = await transaction.rows(
      rows.map(([, change]) => ({ table: change.table, key: change.key, columns: change.columns })),
    );
    const conflicts: Conflict[] = [];
    for (const [place, [index, change]] of rows.entries()) {
      const state: RowState = found[place]!;
      if (sameState(state, change.before)) continue;
      const resource = formatResource(resourceOfEffect(change)!);
      if (!this.#isRollForward) return { kind: 'stale', resource };
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

  async #checkSchemas(name: string, transaction: DatabaseTransaction): Promise<ApplyOutcome | undefined> {
    const prefix = `schema:${name}/`;
    for (const { resource, state } of this.#intent.observations) {
      if (!resource.startsWith(prefix)) continue;
      const found = await transaction.schema(
        resource.slice(prefix.length).replaceAll('%2F', '/').replaceAll('%25', '%'),
      );
      if (!sameState(found, state)) return { kind: 'stale', resource };
    }
    for (const query of this.#intent.queries) {
      if (query.database !== name) continue;
      const { rows } = await transaction.query(query.sql, query.params);
      if (rowsDigest(rows) !== query.rows)
        return { kind: 'stale', resource: `query:${name}: ${query.sql.slice(0, 100)}` };
    }
    return undefined;
  }

  /** What a raw statement did to the tables that it names. */
  async #noteSchemas(
    name: string,
    transaction: DatabaseTransaction,
    effects: readonly [number, DatabaseEffect][],
    changes: Change[],
  ): Promise<void> {
    const tables = new Set(effects.flatMap(([, effect]) => (effect.kind === 'sql' ? effect.writes : [])));
    for (const table of tables)
      changes.push({
        resource: formatResource({ kind: 'schema', database: name, table }),
        role: 'written',
        state: await transaction.schema(table),
      });
  }

  /** Files to be written: as they were when the intent was sealed, or (rolling forward) already as they shall be. */
  async #checkFiles(): Promise<ApplyOutcome | undefined> {
    const { workspace } = this.#parts;
    const conflicts: Conflict[] = [];
    const turns = new Turns();
    for (const [index, effect] of this.#fileEffects()) {
      if (this.#isDone(index)) continue;
      await turns.take();
      const found = await workspace.files.stateNow(effect.path, this.#parts.seenFiles.get(effect.path));
      if (sameState(found, effect.before)) continue;
      const resource = formatResource({ kind: 'file', path: effect.path });
      if (!this.#isRollForward) {
        // A folder that somebody has created meanwhile is what this step wants.
        if (effect.kind === 'directory.create' && sameState(found, effect.after)) continue;
        return { kind: 'stale', resource };
      }
      if (sameState(found, effect.after) || (found.kind === 'absent' && changesKind(effect))) continue;
      const override = this.#marks.get(index);
      if (override?.outcome === 'overwrite' && sameState(found, override.after)) continue;
      conflicts.push({ effect: index, resource, expectedBefore: effect.before, expectedAfter: effect.after, found });
    }
    return conflicts.length > 0 ? { kind: 'conflicts', conflicts } : undefined;
  }

  async #checkReads(): Promise<ApplyOutcome | undefined> {
    const { workspace, seenFiles, settings } = this.#parts;
    for (const { resource, state } of this.#intent.observations) {
      if (!resource.startsWith('file:')) continue;
      const path = resource.slice('file:'.length);
      const found = await workspace.files.stateNow(path, seenFiles.get(path));
      if (!sameState(found, state)) return { kind: 'stale', resource };
    }
    for (const { folder, recursive, entries } of this.#intent.listings) {
      if (listingDigest(await workspace.files.list(folder, recursive)) !== entries)
        return { kind: 'stale', resource: `folder ${folder === '' ? '.' : folder}` };
    }
    // Databases that the step has only read have no transaction here.
    const written = new Set(this.#intent.effects.flatMap((effect) => ('database' in effect ? [effect.database] : [])));
    for (const query of this.#intent.queries) {
      if (written.has(query.database)) continue;
      const database = await workspace.database(query.database, settings);
      if (rowsDigest((await database.query(query.sql, query.params)).rows) !== query.rows)
        return { kind: 'stale', resource: `query:${query.database}: ${query.sql.slice(0, 100)}` };
    }
    for (const { resource, state } of this.#intent.observations) {
      const match = /^schema:([^/]+)\/(.+)$/s.exec(resource);
      if (match === null || written.has(match[1]!)) continue;
      const database = await workspace.database(match[1]!, settings);
      if (!sameState(await database.schema(match[2]!.replaceAll('%2F', '/').replaceAll('%25', '%')), state))
        return { kind: 'stale', resource };
    }
    return undefined;
  }

  // ---- commit ------------------------------------------------------------------------------------------------------

  /** From here on it only rolls forward; the record is planned with it, so that it needs no fsync of its own. */
  #beginApplying(): PlannedRecord | undefined {
    const afters: Record<number, ResourceState> = {};
    for (const open of this.#open) for (const [index, state] of open.afters) afters[index] = state;
    const prepared = { afters, changes: this.#open.flatMap((open) => open.changes) };
    const { runId, row } = this.#parts;
    faultPoint('applying.before');
    let planned: PlannedRecord | undefined;
    if (this.#intent.effects.some(isToApply)) {
      if (!this.#isRollForward)
        planned = this.#ledger.plan(this.#intent.jobId, runId, stepFields(row, asPrepared(this.#intent, prepared)));
      const record = planned === undefined ? {} : { record: { runId, at: planned.record.at, head: planned.at.head } };
      this.#ledger.transaction(() => this.#ledger.beginApplying(this.#intent.token, { ...prepared, ...record }));
    }
    faultPoint('applying.after');
    return planned;
  }

  async #commitDatabases(): Promise<void> {
    for (let open = this.#open[0]; open !== undefined; open = this.#open[0]) {
      await faultPointAsync('commit.database-before');
      await open.transaction.commit();
      this.#open.shift();
      await faultPointAsync('commit.database-after');
      this.#changes.push(...open.changes);
      this.#markAll(
        this.#databaseEffects(open.database.name).map(([index]) => [
          index,
          {
            outcome: this.#marks.get(index)?.outcome === 'skipped' ? 'skipped' : 'applied',
            after: open.afters.get(index) ?? ABSENT,
          },
        ]),
      );
      await faultPointAsync('commit.effect-marked');
    }
  }

  async #commitFiles(): Promise<Conflict | undefined> {
    const { workspace } = this.#parts;
    const effects = this.#fileEffects().filter(([index]) => !this.#isDone(index));
    const turns = new Turns();
    // Of many files a batch shares the fsync of its folders and the commit of its marks.
    const batchSize = effects.length > MAX_FILES_ONE_BY_ONE ? FILES_A_BATCH : 1;
    let batch: (readonly [number, FileEffect])[] = [];
    const endBatch = async (): Promise<void> => {
      if (batch.length === 0) return;
      if (batchSize > 1) workspace.files.syncFolders(batch.map(([, { path }]) => path));
      this.#markAll(batch.map(([index, { after }]) => [index, { outcome: 'applied', after }]));
      batch = [];
      await faultPointAsync('commit.effect-marked');
    };
    for (const [index, effect] of effects) {
      const outcome = await workspace.files.commit(this.#prepared[index]!, { deferSync: batchSize > 1 });
      if (outcome.kind === 'conflict') {
        await endBatch();
        return {
          effect: index,
          resource: formatResource({ kind: 'file', path: effect.path }),
          expectedBefore: effect.before,
          expectedAfter: effect.after,
          found: outcome.found,
        };
      }
      batch.push([index, effect]);
      if (batch.length === batchSize) await endBatch();
      await turns.take();
    }
    await endBatch();
    await faultPointAsync('read-back.after');
    return undefined;
  }

  /**
   * Marked as it is done, so that a person's change after it is told from an effect that is still to come. Not fsynced:
   * after a power loss the token row, or the file as it shall be, says the same. The last needs no mark: the record follows.
   */
  #markAll(marks: readonly (readonly [number, EffectMark])[]): void {
    for (const [index] of marks) this.#pending.delete(index);
    if (this.#pending.size === 0) for (const [index, mark] of marks) this.#marks.set(index, mark);
    else this.#ledger.transaction(() => marks.forEach(([index, mark]) => this.#mark(index, mark)), { relaxed: true });
  }

  #mark(index: number, mark: EffectMark): void {
    this.#marks.set(index, mark);
    this.#pending.delete(index);
    this.#ledger.markEffect(this.#intent.token, index, mark);
  }

  // ---- what came of it ---------------------------------------------------------------------------------------------

  #applied(): Applied {
    const effects = this.#intent.effects.map((effect, index): AppliedEffect => {
      const mark = this.#marks.get(index);
      return {
        effect,
        after: mark?.after ?? afterOf(effect),
        outcome: mark?.outcome === 'skipped' ? 'skipped' : outcomeOf(this.#intent, effect),
      };
    });
    return { effects, changes: [...changesOf(this.#intent, effects), ...this.#changes] };
  }

  #databaseEffects(name: string): [number, DatabaseEffect][] {
    return [...this.#intent.effects.entries()].filter(
      (entry): entry is [number, DatabaseEffect] => 'database' in entry[1] && entry[1].database === name,
    );
  }

  #fileEffects(): [number, FileEffect][] {
    return [...this.#intent.effects.entries()].filter((entry): entry is [number, FileEffect] => 'path' in entry[1]);
  }

  #isDone(index: number): boolean {
    if (!isToApply(this.#intent.effects[index]!)) return true;
    const outcome = this.#marks.get(index)?.outcome;
    return outcome === 'applied' || (outcome === 'skipped' && 'path' in this.#intent.effects[index]!);
  }

  #isOverridden(index: number): boolean {
    const outcome = this.#marks.get(index)?.outcome;
    return outcome === 'overwrite' || outcome === 'skipped';
  }
}

/** Rows between two statements go together. */
async function applyInOrder(transaction: DatabaseTransaction, effects: readonly DatabaseEffect[]): Promise<void> {
  let rows: RowChange[] = [];
  for (const effect of effects) {
    if (effect.kind !== 'sql') {
      rows.push(effect);
      continue;
    }
    if (rows.length > 0) await transaction.applyRows(rows);
    rows = [];
    await transaction.applySql(effect);
  }
  if (rows.length > 0) await transaction.applyRows(rows);
}
