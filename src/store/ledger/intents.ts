/**
 * The table `intent`: what a step is about to apply, from its seal until its record.
 *
 * | state    | seal      | apply     | finish | drop    |
 * | -------- | --------- | --------- | ------ | ------- |
 * | (absent) | sealed    | defect*   | absent | absent  |
 * | sealed   | unchanged | applying  | done   | dropped |
 * | applying | unchanged | applying  | done   | dropped |
 * | dropped  | sealed    | defect*   | done   | dropped |
 * | done     | unchanged | defect    | done   | dropped |
 *
 * (*) Unless it comes with the intent, which is then sealed and applying at once.
 *
 * An intent without effects to apply may be finished without ever having been sealed: its record is its seal. It is
 * also finished from `sealed` (it needed an approval) and from `dropped` (an earlier draft had effects). What is
 * applying, or was finished just now, is dropped only by a decision that undoes what was applied of it.
 *
 * Invariant: an intent matches its digest whenever it is read, and the columns that it is found by match the intent.
 */
import { digestOf, type Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { invariant } from '../../model/invariant.ts';
import { IntentSchema, type Intent, type NotUndone } from '../../model/record/intent.ts';
import type { AppliedEffect, Change, ResumedFailure } from '../../model/record/record.ts';
import type { ResourceState } from '../../model/record/world.ts';
import { defined } from '../../model/defined.ts';
import type { NamedRow } from '../sqlite-store.ts';
import { Columns, outline, sealedText } from './columns.ts';
import type { LedgerFile } from './file.ts';
import type { RowScope } from './row-pages.ts';

const STATES = ['sealed', 'applying', 'done', 'dropped'] as const;
type IntentState = (typeof STATES)[number];

export interface IntentRow {
  readonly intent: Intent;
  readonly digest: Digest;
  readonly state: IntentState;
  /** Does it need a person's approval? */
  readonly approval: boolean;
  readonly details: IntentDetails;
}

export type NewIntent = Omit<IntentRow, 'state'>;

/** What the record will say beside the intent; not part of what is approved. */
export interface IntentDetails {
  readonly version: string;
  readonly uses: readonly string[] | null;
  readonly logs: readonly { message: string; fields?: unknown }[];
  /** Where the chain ended when its super-step was requested; absent: it runs alone. Not in the record. */
  readonly parallelSince?: number;
  /** How many sub-steps its code has run to their end. Absent: none. */
  readonly subSteps?: number;
  /** What the step failed with before it resumed by itself. Absent: it has not. */
  readonly resumed?: readonly ResumedFailure[];
}

/** What a database did by itself in the transaction of an intent. */
export interface ByDatabase {
  readonly effects: readonly AppliedEffect[];
  /** What it changed and the record does not have. */
  readonly unrecorded: readonly NotUndone[];
}

/** What the transactions of an intent read back before they were committed: by effect, and for the manifest. */
export interface PreparedAfters {
  readonly afters: Readonly<Record<number, ResourceState>>;
  readonly changes: readonly Change[];
  /** What each database did by itself, by its name. */
  readonly byDatabase?: Readonly<Record<string, ByDatabase>>;
  /** The record that follows if all goes as prepared. */
  readonly record?: { readonly runId: string; readonly at: string; readonly head: Digest };
}

const COLUMNS = new Columns('intent');
const isDetails = outline<IntentDetails>({ version: 'string', uses: 'array or null', logs: 'array' });
const isPrepared = outline<PreparedAfters>({ afters: 'object', changes: 'array' });

export class IntentTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  find(token: Digest): IntentRow | undefined {
    const row = this.#file.get('SELECT * FROM intent WHERE token = ?', token);
    return row === undefined ? undefined : read(row);
  }

  /** Sealed or applying, in the order in which they were sealed first. */
  open(jobId: string): readonly IntentRow[] {
    const rows = this.#file.all(
      `SELECT * FROM intent WHERE job_id = ? AND state IN ('sealed', 'applying') ORDER BY rowid`,
      jobId,
    );
    return rows.map(read);
  }

  /**
   * For whoever checks them: of every job what is neither done nor dropped. `open`: what is found by its state;
   * `all`: also what is in a state that there is not.
   */
  unsettled(scope: RowScope): readonly IntentRow[] {
    const states = scope === 'open' ? "state IN ('sealed', 'applying')" : "state NOT IN ('done', 'dropped')";
    return this.#file.all(`SELECT * FROM intent WHERE ${states} ORDER BY rowid`).map(read);
  }

  isApplying(token: Digest): boolean {
    return this.#file.get(`SELECT 1 FROM intent WHERE token = ? AND state = 'applying'`, token) !== undefined;
  }

  /** Changes nothing where the token has an intent that was not dropped. */
  seal(intent: NewIntent): void {
    this.#put(intent, 'sealed', null);
  }

  /**
   * From here on the intent only rolls forward.
   * @param unsealed it is sealed by this, unless the ledger has it already
   */
  beginApplying(token: Digest, prepared: PreparedAfters, unsealed?: NewIntent): void {
    if (unsealed !== undefined && this.#put(unsealed, 'applying', prepared)) return;
    const changed = this.#file.run(
      `UPDATE intent SET state = 'applying', prepared = ? WHERE token = ? AND state IN ('sealed', 'applying')`,
      sealedText(JSON.stringify(merged(this.preparedAfters(token), prepared))),
      token,
    );
    invariant(changed === 1, `an intent that is applied (${token}) was sealed and is not dropped`);
  }

  /** False: the token has an intent that was not dropped, and nothing was changed. */
  #put({ intent, digest, approval, details }: NewIntent, state: IntentState, prepared: PreparedAfters | null): boolean {
    const changed = this.#file.run(
      `INSERT INTO intent VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (token) DO UPDATE SET digest = excluded.digest, body = excluded.body, state = excluded.state,
         approval = excluded.approval, details = excluded.details, prepared = excluded.prepared
       WHERE intent.state = 'dropped'`,
      intent.token,
      intent.jobId,
      digest,
      JSON.stringify(intent),
      state,
      approval ? 1 : 0,
      sealedText(JSON.stringify(details)),
      prepared === null ? null : sealedText(JSON.stringify(prepared)),
    );
    return changed === 1;
  }

  /** The intent has its record. False: it was never sealed. */
  finish(token: Digest): boolean {
    return this.#file.run(`UPDATE intent SET state = 'done' WHERE token = ?`, token) === 1;
  }

  drop(token: Digest): void {
    this.#file.run(`UPDATE intent SET state = 'dropped' WHERE token = ?`, token);
  }

  preparedAfters(token: Digest): PreparedAfters {
    const row = this.#file.get('SELECT prepared FROM intent WHERE token = ?', token);
    if (row === undefined || row['prepared'] === null) return { afters: {}, changes: [] };
    return COLUMNS.sealedJson(row, 'prepared', isPrepared);
  }
}

/** A roll-forward prepares only what is not done; what an earlier one prepared for the rest stays. */
function merged(earlier: PreparedAfters, next: PreparedAfters): PreparedAfters {
  const renewed = new Set(next.changes.map(({ resource }) => resource));
  return {
    afters: { ...earlier.afters, ...next.afters },
    changes: [...earlier.changes.filter(({ resource }) => !renewed.has(resource)), ...next.changes],
    ...(earlier.byDatabase === undefined && next.byDatabase === undefined
      ? {}
      : { byDatabase: { ...earlier.byDatabase, ...next.byDatabase } }),
    ...defined({ record: next.record }),
  };
}

function read(row: NamedRow): IntentRow {
  const intent = COLUMNS.parsed(row, 'body', IntentSchema, 'intent');
  const digest = COLUMNS.text(row, 'digest');
  if (digestOf(intent) !== digest)
    throw new HoldfastError('ledger-damaged', `The sealed intent of step ${intent.stepId} does not match its digest.`, {
      stepId: intent.stepId,
    });
  for (const [column, said] of [
    ['token', intent.token],
    ['job_id', intent.jobId],
  ] as const)
    if (COLUMNS.text(row, column) !== said)
      throw new HoldfastError(
        'ledger-damaged',
        `The sealed intent of step ${intent.stepId} is not found by what it is: its row has another ${column}.`,
        { stepId: intent.stepId, column },
      );
  return {
    intent,
    digest,
    state: COLUMNS.oneOf(row, 'state', STATES),
    approval: COLUMNS.integer(row, 'approval') === 1,
    details: COLUMNS.sealedJson(row, 'details', isDetails),
  };
}
