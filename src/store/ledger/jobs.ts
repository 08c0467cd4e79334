/**
 * The table `job`: one row for each job that has ever had this workspace.
 *
 * Invariants
 * 1. A term only rises.
 * 2. The end of the chain moves by one record at a time, and only from the end that the record was planned for.
 * 3. A mark's ordinal only rises: it comes from the counter that also orders registrations and claims, and is taken
 *    when the comparison begins to look.
 */
import { HoldfastError } from '../../model/failure.ts';
import { invariant } from '../../model/invariant.ts';
import { JobSettingsSchema, type JobSettings } from '../../model/job/settings.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { NamedRow, SqliteInput } from '../sqlite-store.ts';
import { Columns, parsed } from './columns.ts';
import type { LedgerFile } from './file.ts';
import { SeenRow } from './seen-row.ts';

/** `aborted`, `undoing`: no step runs any more; what the job did stays, or is undone. */
const STATES = ['open', 'aborted', 'undoing', 'released'] as const;

/** A moment of one boot of the host. */
export interface BootTime {
  readonly bootId: string;
  readonly bootMs: number;
}

export interface JobRow {
  readonly jobId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly term: number;
  readonly at: ChainPlace;
  readonly state: (typeof STATES)[number];
  readonly markOrdinal: number;
  /** Since when the world counts as compared. */
  readonly fresh: BootTime;
  readonly settings: JobSettings;
}

export type NewJob = Pick<JobRow, 'jobId' | 'workflowId' | 'runId' | 'settings'>;

const COLUMNS = new Columns('job');

export class JobTable {
  readonly #file: LedgerFile;
  #lastSettings: { readonly text: string; readonly settings: JobSettings } | undefined;
  readonly #seen: SeenRow<JobRow>;

  constructor(file: LedgerFile) {
    this.#file = file;
    this.#seen = new SeenRow(file);
  }

  find(jobId: string): JobRow | undefined {
    return this.#seen.find(jobId, () => {
      const row = this.#file.get('SELECT * FROM job WHERE job_id = ?', jobId);
      return row === undefined ? undefined : this.#read(row);
    });
  }

  ids(): readonly string[] {
    return this.#file.all('SELECT job_id FROM job ORDER BY rowid').map((row) => COLUMNS.text(row, 'job_id'));
  }

  add({ jobId, workflowId, runId, settings }: NewJob): void {
    this.#change(
      `INSERT INTO job VALUES (?, ?, ?, 0, 0, ?, 'open', -1, '', 0, ?)`,
      jobId,
      workflowId,
      runId,
      GENESIS,
      JSON.stringify(settings),
    );
  }

  setRun(jobId: string, runId: string, settings: JobSettings): void {
    this.#change('UPDATE job SET run_id = ?, settings = ? WHERE job_id = ?', runId, JSON.stringify(settings), jobId);
  }

  setState(jobId: string, state: JobRow['state']): void {
    this.#change('UPDATE job SET state = ? WHERE job_id = ?', state, jobId);
  }

  /**
   * Raises the term by conditional update.
   * @throws HoldfastError `fenced` if the ledger has this one or a higher one
   */
  raiseTerm(jobId: string, term: number): void {
    const changed = this.#change('UPDATE job SET term = ? WHERE job_id = ? AND term < ?', term, jobId, term);
    if (changed === 1) return;
    const found = `the ledger has term ${this.find(jobId)?.term}`;
    throw new HoldfastError('fenced', `Term ${term} of ${jobId} cannot be raised: ${found}.`);
  }

  /**
   * The world was compared, beginning with `ordinal`: for all workers registered before. It counts as compared at this
   * moment. A comparison that began before the one that the mark names changes nothing.
   */
  setMark(jobId: string, ordinal: number, { bootId, bootMs }: BootTime): void {
    const changed = this.#change(
      'UPDATE job SET mark_ordinal = ?, fresh_boot_id = ?, fresh_boot_ms = ? WHERE job_id = ? AND mark_ordinal < ?',
      ordinal,
      bootId,
      bootMs,
      jobId,
      ordinal,
    );
    invariant(changed === 1 || this.find(jobId) !== undefined, `mark ${ordinal} is of a known job`);
  }

  /** Where the chain ends. */
  endOf(jobId: string): ChainPlace | undefined {
    return this.find(jobId)?.at;
  }

  /** Moves the end of the chain. False: it is not at `from`. */
  advance(jobId: string, from: ChainPlace, to: ChainPlace): boolean {
    invariant(to.seq === from.seq + 1, `record ${to.seq} follows record ${from.seq}`);
    const changed = this.#change(
      'UPDATE job SET seq = ?, head = ? WHERE job_id = ? AND seq = ? AND head = ?',
      to.seq,
      to.head,
      jobId,
      from.seq,
      from.head,
    );
    return changed === 1;
  }

  /** Of a chain that was made before its job had an id. */
  giveTo({ jobId, runId, settings }: Omit<NewJob, 'workflowId'>, from: string): void {
    this.#change(
      'UPDATE job SET job_id = ?, run_id = ?, settings = ? WHERE job_id = ?',
      jobId,
      runId,
      JSON.stringify(settings),
      from,
    );
  }

  #change(text: string, ...values: readonly SqliteInput[]): number {
    this.#seen.forget();
    return this.#file.run(text, ...values);
  }

  #read(row: NamedRow): JobRow {
    return {
      jobId: COLUMNS.text(row, 'job_id'),
      workflowId: COLUMNS.text(row, 'workflow_id'),
      runId: COLUMNS.text(row, 'run_id'),
      term: COLUMNS.integer(row, 'term'),
      at: placeOf(row),
      state: COLUMNS.oneOf(row, 'state', STATES),
      markOrdinal: COLUMNS.integer(row, 'mark_ordinal'),
      fresh: { bootId: COLUMNS.text(row, 'fresh_boot_id'), bootMs: COLUMNS.integer(row, 'fresh_boot_ms') },
      settings: this.#settings(COLUMNS.text(row, 'settings')),
    };
  }

  /** A job's row is read several times a step; its settings seldom change. */
  #settings(text: string): JobSettings {
    if (this.#lastSettings?.text !== text)
      this.#lastSettings = { text, settings: parsed(text, JobSettingsSchema, 'job settings') };
    return this.#lastSettings.settings;
  }
}

function placeOf(row: NamedRow): ChainPlace {
  return { seq: COLUMNS.integer(row, 'seq'), head: COLUMNS.text(row, 'head') };
}
