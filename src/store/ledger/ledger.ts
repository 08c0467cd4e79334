/**
 * The durable local record of a workspace's jobs: one SQLite file in WAL mode.
 *
 * Invariants
 * 1. Everything is written under the workspace's lock, in one transaction each; a commit is fsynced before it returns,
 *    except what the next such commit makes durable before anything depends on it (`relaxed`): claims, registrations,
 *    marks, and the seal of an intent that nobody has to approve. They outlive the process; a power loss ends every
 *    worker, and a new worker verifies anyway.
 * 2. Records are appended, never changed. The manifest table is the fold of the records and is checked against them.
 * 3. No wait happens inside: node:sqlite is synchronous, and a wait in it would stop heartbeats.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Digest, digestOf } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { IntentSchema, type Intent } from '../../model/record/intent.ts';
import { JobSettingsSchema, type JobSettings } from '../../model/job/settings.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { QuestionSchema, type Question } from '../../model/question/question.ts';
import {
  ChainRecordSchema,
  type AppliedEffect,
  type ChainRecord,
  type Change,
  type UndoneRecord,
} from '../../model/record/record.ts';
import { foldManifest, type ManifestEntry } from '../../model/record/manifest.ts';
import { GENESIS, nextHead, recordText } from '../../model/record/chain.ts';
import { formatResource, parseResource } from '../../model/record/resource.ts';
import { ResourceStateSchema, type ResourceState } from '../../model/record/world.ts';
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  checkChain,
  RecordParser,
  type ChainCheck,
  type ReadRecord,
  type StoredRecord,
} from './chain-check.ts';
import { atPoints } from '../fault-point.ts';
import { LEDGER_SCHEMA_VERSION, LEDGER_TABLES } from './schema.ts';
import { performRowFrom, type PerformRow } from './perform-row.ts';

export const LEDGER_FILE = 'ledger.sqlite';

export interface JobRow {
  readonly jobId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly term: number;
  readonly at: ChainPlace;
  /** `undoing`: no step runs any more; what the job did is undone. */
  readonly state: 'open' | 'undoing' | 'released';
  readonly markOrdinal: number;
  readonly fresh: { readonly bootId: string; readonly bootMs: number };
  readonly settings: JobSettings;
}

export interface ClaimRow {
  readonly token: Digest;
  readonly jobId: string;
  readonly stepId: string;
  readonly generation: number;
  readonly args: Digest;
  readonly nonce: string;
  readonly workerId: string;
  readonly state: 'open' | 'left-open' | 'closed' | 'done';
  readonly ordinal: number;
  readonly attempts: number;
  /** How often the step's own code has failed. */
  readonly failures: number;
  /** How often a draft was dropped because what it read had changed. */
  readonly dropped: number;
  readonly draft: number;
  readonly rejection: { readonly reason: string; readonly by: string } | null;
}

export interface IntentRow {
  readonly intent: Intent;
  readonly digest: Digest;
  readonly state: 'sealed' | 'applying' | 'done' | 'dropped';
  readonly approval: boolean;
  readonly details: IntentDetails;
}

/** What the record will say beside the intent; not part of what is approved. */
export interface IntentDetails {
  readonly version: string;
  readonly uses: readonly string[] | null;
  readonly logs: readonly { message: string; fields?: unknown }[];
}

/** What the transactions of an intent read back before they were committed: by effect, and for the manifest. */
export interface PreparedAfters {
  readonly afters: Readonly<Record<number, ResourceState>>;
  readonly changes: readonly Change[];
  /** The record that follows if all goes as prepared. */
  readonly record?: { readonly runId: string; readonly at: string; readonly head: Digest };
}

/** A record that is not in the chain yet, with the place that it will have. */
export interface PlannedRecord {
  readonly record: ChainRecord;
  readonly text: string;
  readonly at: ChainPlace;
}

export interface EffectMark {
  /** `overwrite`: a person decided that what is found there (`after`) may be replaced. */
  readonly outcome: AppliedEffect['outcome'] | 'overwrite';
  readonly after: ResourceState;
}

/** What is to become of something that an undoing found otherwise than the step had left it; `found`: what the person saw. */
export interface UndoRuling {
  /** The undoing's. */
  readonly token: Digest;
  readonly jobId: string;
  readonly resource: string;
  readonly answer: 'skip' | 'overwrite';
  readonly found: ResourceState | null;
  readonly by: string;
  readonly reason: string;
}

/** A record without what the ledger itself supplies. */
export type NewRecord = ChainRecord extends infer R
  ? R extends ChainRecord
    ? Omit<R, 'schemaVersion' | 'seq' | 'jobId' | 'at' | 'runId'>
    : never
  : never;

export class Ledger {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #inode: bigint;
  readonly #statements = new Map<string, StatementSync>();
  readonly #parser = new RecordParser();
  #synchronous: 'FULL' | 'NORMAL' = 'FULL';
  #isReading = false;
  #lastSettings: { readonly text: string; readonly settings: JobSettings } | undefined;

  private constructor(path: string, database: DatabaseSync) {
    this.path = path;
    this.#database = database;
    this.#inode = statSync(path, { bigint: true }).ino;
  }

  /**
   * Opens the ledger in a `.holdfast` directory, creating it if asked. Safe to repeat.
   * @throws HoldfastError `not-found` (absent and not to be created), `ledger-damaged`
   */
  static open(directory: string, options: { readonly create: boolean }): Ledger {
    const path = join(directory, LEDGER_FILE);
    if (!options.create && !existsSync(path))
      throw new HoldfastError('not-found', `There is no ledger at ${path}.`, { path });
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path);
      database.exec(
        'PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;',
      );
      atPoints('ledger-commit', () => database?.exec(LEDGER_TABLES));
      database.exec('PRAGMA busy_timeout = 0;');
      const ledger = new Ledger(path, database);
      ledger.#checkVersion();
      return ledger;
    } catch (error) {
      database?.close();
      if (error instanceof HoldfastError) throw error;
      throw new HoldfastError(
        'ledger-damaged',
        `The ledger at ${path} cannot be opened: ${(error as Error).message}.`,
        { path },
        { cause: error },
      );
    }
  }

  /** Is the file that is open still the one at the path? Someone may have put last week's copy there. */
  isSameFile(): boolean {
    try {
      return statSync(this.path, { bigint: true }).ino === this.#inode;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /** One atomic, fsynced commit (`relaxed`: not fsynced, see the header). Nested calls join the outer one. */
  transaction<T>(work: () => T, options: { readonly relaxed?: boolean } = {}): T {
    this.#endReading();
    if (this.#database.isTransaction) return work();
    this.#setSynchronous(options.relaxed === true ? 'NORMAL' : 'FULL');
    this.#begin();
    try {
      const result = work();
      atPoints('ledger-commit', () => this.#run('COMMIT'));
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#run('ROLLBACK');
      throw this.#translate(error);
    }
  }

  /** Many reads as one: SQLite takes its locks once, not for each. The first transaction inside ends it. */
  reading<T>(work: () => T): T {
    if (this.#database.isTransaction) return work();
    try {
      this.#run('BEGIN');
      this.#isReading = true;
      return work();
    } catch (error) {
      throw this.#translate(error);
    } finally {
      this.#endReading();
    }
  }

  #endReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#run('ROLLBACK');
  }

  // ---- jobs, terms, marks ------------------------------------------------------------------------------------------

  job(jobId: string): JobRow | undefined {
    const row = this.#get('SELECT * FROM job WHERE job_id = ?', jobId);
    if (row === undefined) return undefined;
    return {
      jobId: row['job_id'] as string,
      workflowId: row['workflow_id'] as string,
      runId: row['run_id'] as string,
      term: row['term'] as number,
      at: { seq: row['seq'] as number, head: row['head'] as string },
      state: row['state'] as JobRow['state'],
      markOrdinal: row['mark_ordinal'] as number,
      fresh: { bootId: row['fresh_boot_id'] as string, bootMs: row['fresh_boot_ms'] as number },
      settings: this.#settings(row['settings'] as string),
    };
  }

  /** A job's row is read several times a step; its settings seldom change. */
  #settings(text: string): JobSettings {
    if (this.#lastSettings?.text !== text)
      this.#lastSettings = { text, settings: this.#parse(JobSettingsSchema, text, 'job settings') };
    return this.#lastSettings.settings;
  }

  /** The job that has the workspace now. */
  boundJobId(): string | undefined {
    return this.#meta('boundJob');
  }

  bind(jobId: string): void {
    this.#setMeta('boundJob', jobId);
  }

  unbind(): void {
    this.#run('DELETE FROM meta WHERE key = ?', 'boundJob');
  }

  jobIds(): readonly string[] {
    return this.#all('SELECT job_id FROM job ORDER BY rowid').map((row) => row['job_id'] as string);
  }

  addJob(job: {
    readonly jobId: string;
    readonly workflowId: string;
    readonly runId: string;
    readonly settings: JobSettings;
  }): void {
    this.#run(
      `INSERT INTO job VALUES (?, ?, ?, 0, 0, ?, 'open', -1, '', 0, ?)`,
      job.jobId,
      job.workflowId,
      job.runId,
      GENESIS,
      JSON.stringify(job.settings),
    );
  }

  setRun(jobId: string, runId: string, settings: JobSettings): void {
    this.#run('UPDATE job SET run_id = ?, settings = ? WHERE job_id = ?', runId, JSON.stringify(settings), jobId);
  }

  setJobState(jobId: string, state: JobRow['state']): void {
    this.#run('UPDATE job SET state = ? WHERE job_id = ?', state, jobId);
  }

  /** Raises the term by conditional update. @throws HoldfastError `fenced` if a higher one is there. */
  raiseTerm(jobId: string, term: number): void {
    const { changes } = this.#run('UPDATE job SET term = ? WHERE job_id = ? AND term < ?', term, jobId, term);
    if (changes !== 1)
      throw new HoldfastError(
        'fenced',
        `Term ${term} of ${jobId} cannot be raised: the ledger has term ${this.job(jobId)?.term}.`,
      );
  }

  /** The next of a counter that orders registrations, claims and marks against each other. */
  nextOrdinal(): number {
    const next = Number(this.#meta('ordinal') ?? '0') + 1;
    this.#setMeta('ordinal', String(next));
    return next;
  }

  setMark(jobId: string, clock: { readonly bootId: string; readonly bootMs: number }): void {
    this.#run(
      'UPDATE job SET mark_ordinal = ?, fresh_boot_id = ?, fresh_boot_ms = ? WHERE job_id = ?',
      this.nextOrdinal(),
      clock.bootId,
      clock.bootMs,
      jobId,
    );
  }

  refresh(jobId: string, clock: { readonly bootId: string; readonly bootMs: number }): void {
    this.#run(
      'UPDATE job SET fresh_boot_id = ?, fresh_boot_ms = ? WHERE job_id = ?',
      clock.bootId,
      clock.bootMs,
      jobId,
    );
  }

  workerOrdinal(workerId: string): number | undefined {
    return this.#get('SELECT ordinal FROM worker WHERE worker_id = ?', workerId)?.['ordinal'] as number | undefined;
  }

  registerWorker(workerId: string, identity: unknown): number {
    const ordinal = this.nextOrdinal();
    this.#run('INSERT INTO worker VALUES (?, ?, ?)', workerId, ordinal, JSON.stringify(identity));
    return ordinal;
  }

  // ---- claims and values -------------------------------------------------------------------------------------------

  claim(token: Digest): ClaimRow | undefined {
    const row = this.#get('SELECT * FROM claim WHERE token = ?', token);
    return row === undefined ? undefined : claimFrom(row);
  }

  openClaims(jobId: string): readonly ClaimRow[] {
    return this.#all(`SELECT * FROM claim WHERE job_id = ? AND state = 'open'`, jobId).map(claimFrom);
  }

  putClaim(claim: ClaimRow): void {
    this.#run(
      `INSERT INTO claim VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)
       ON CONFLICT (token) DO UPDATE SET args = excluded.args, nonce = excluded.nonce, worker_id = excluded.worker_id, state = excluded.state, ordinal = excluded.ordinal,
         attempts = excluded.attempts, failures = excluded.failures, dropped = excluded.dropped, draft = excluded.draft, rejection = excluded.rejection`,
      claim.token,
      claim.jobId,
      claim.stepId,
      claim.generation,
      claim.args,
      claim.nonce,
      claim.workerId,
      claim.state,
      claim.ordinal,
      claim.attempts,
      claim.failures,
      claim.dropped,
      claim.draft,
      claim.rejection === null ? null : JSON.stringify(claim.rejection),
    );
  }

  once(token: Digest, draft: number, name: string): { readonly value: string; readonly reads: Digest } | undefined {
    const row = this.#get(
      'SELECT value, reads FROM once WHERE token = ? AND draft = ? AND name = ?',
      token,
      draft,
      name,
    );
    return row === undefined ? undefined : { value: row['value'] as string, reads: row['reads'] as string };
  }

  putOnce(token: Digest, draft: number, name: string, value: string, reads: Digest): void {
    this.#run('INSERT INTO once VALUES (?, ?, ?, ?, ?)', token, draft, name, value, reads);
  }

  /** A value that an attempt goes on with belongs to its new draft, too. */
  keepOnce(token: Digest, name: string, from: number, to: number): void {
    this.#run(
      'INSERT INTO once SELECT token, ?, name, value, reads FROM once WHERE token = ? AND draft = ? AND name = ?',
      to,
      token,
      from,
      name,
    );
  }

  onceValues(token: Digest): readonly { readonly draft: number; readonly name: string; readonly value: string }[] {
    return this.#all('SELECT draft, name, value FROM once WHERE token = ? ORDER BY draft, rowid', token).map((row) => ({
      draft: row['draft'] as number,
      name: row['name'] as string,
      value: row['value'] as string,
    }));
  }

  // ---- calls -------------------------------------------------------------------------------------------------------

  perform(token: Digest, name: string): PerformRow | undefined {
    const row = this.#get('SELECT * FROM perform WHERE token = ? AND name = ?', token, name);
    return row === undefined ? undefined : performRowFrom(row);
  }

  /** What counts of a call: its row of this generation, or of the latest before it that has one. */
  performInForce(jobId: string, stepId: string, name: string, generation: number): PerformRow | undefined {
    const row = this.#get(
      'SELECT * FROM perform WHERE job_id = ? AND step_id = ? AND name = ? AND generation <= ? ORDER BY generation DESC LIMIT 1',
      jobId,
      stepId,
      name,
      generation,
    );
    return row === undefined ? undefined : performRowFrom(row);
  }

  /** Of each call its row of the latest generation, up to one; in the order in which they were begun. `stepId` left out: all steps'. */
  performsInForce(jobId: string, stepId?: string, upTo = Number.MAX_SAFE_INTEGER): readonly PerformRow[] {
    const rows =
      stepId === undefined
        ? this.#all(
            'SELECT * FROM perform WHERE job_id = ? AND generation <= ? ORDER BY generation, rowid',
            jobId,
            upTo,
          )
        : this.#all(
            'SELECT * FROM perform WHERE job_id = ? AND step_id = ? AND generation <= ? ORDER BY generation, rowid',
            jobId,
            stepId,
            upTo,
          );
    return [...new Map(rows.map(performRowFrom).map((row) => [`${row.stepId}/${row.name}`, row])).values()];
  }

  /** Of every generation, in the order in which they were begun. `stepId` left out: all steps'. */
  performs(jobId: string, stepId?: string): readonly PerformRow[] {
    const rows =
      stepId === undefined
        ? this.#all('SELECT * FROM perform WHERE job_id = ? ORDER BY generation, rowid', jobId)
        : this.#all('SELECT * FROM perform WHERE job_id = ? AND step_id = ? ORDER BY generation, rowid', jobId, stepId);
    return rows.map(performRowFrom);
  }

  putPerform(row: PerformRow): void {
    this.#run(
      `INSERT INTO perform VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
       ON CONFLICT (token, name) DO UPDATE SET state = excluded.state, key = excluded.key, round = excluded.round, in_doubt = excluded.in_doubt, request = excluded.request,
         request_digest = excluded.request_digest, answers = excluded.answers, answer = excluded.answer, known = excluded.known, called_in = excluded.called_in, nonce = excluded.nonce,
         note = excluded.note, at = excluded.at, wanted = excluded.wanted`,
      row.token,
      row.name,
      row.jobId,
      row.stepId,
      row.generation,
      row.state,
      row.key,
      row.round,
      row.inDoubt,
      row.request.text,
      row.request.digest,
      row.answers === null ? null : JSON.stringify(row.answers),
      row.answer,
      row.known,
      row.calledIn,
      row.nonce,
      row.note,
      row.at,
      row.wanted === null ? null : JSON.stringify(row.wanted),
    );
  }

  // ---- intents -----------------------------------------------------------------------------------------------------

  intent(token: Digest): IntentRow | undefined {
    const row = this.#get('SELECT * FROM intent WHERE token = ?', token);
    return row === undefined ? undefined : this.#intentFrom(row);
  }

  openIntents(jobId: string): readonly IntentRow[] {
    return this.#all(
      `SELECT * FROM intent WHERE job_id = ? AND state IN ('sealed', 'applying') ORDER BY rowid`,
      jobId,
    ).map((row) => this.#intentFrom(row));
  }

  putIntent(intent: Intent, digest: Digest, approval: boolean, details: IntentDetails): void {
    this.#run(
      `INSERT INTO intent VALUES (?, ?, ?, ?, 'sealed', ?, ?, NULL)
       ON CONFLICT (token) DO UPDATE SET digest = excluded.digest, body = excluded.body, state = 'sealed', approval = excluded.approval, details = excluded.details, prepared = NULL
       WHERE intent.state = 'dropped'`,
      intent.token,
      intent.jobId,
      digest,
      JSON.stringify(intent),
      approval ? 1 : 0,
      JSON.stringify(details),
    );
  }

  setIntentState(token: Digest, state: IntentRow['state']): void {
    this.#run('UPDATE intent SET state = ? WHERE token = ?', state, token);
  }

  /** From here on the intent only rolls forward. */
  beginApplying(token: Digest, prepared: PreparedAfters): void {
    this.#run(
      `UPDATE intent SET state = 'applying', prepared = ? WHERE token = ?`,
      JSON.stringify(this.#mergePrepared(token, prepared)),
      token,
    );
  }

  /** Keeps a small content; one that is there and damaged is replaced. */
  putContent(digest: Digest, bytes: Uint8Array): void {
    this.#run(
      'INSERT INTO content VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes',
      digest,
      bytes,
    );
  }

  /** As it is stored; whoever reads it compares it with its digest. */
  content(digest: Digest): Uint8Array | undefined {
    return this.#get('SELECT bytes FROM content WHERE digest = ?', digest)?.['bytes'] as Uint8Array | undefined;
  }

  preparedAfters(token: Digest): PreparedAfters {
    const text = this.#get('SELECT prepared FROM intent WHERE token = ?', token)?.['prepared'] as
      | string
      | null
      | undefined;
    return text == null ? { afters: {}, changes: [] } : (JSON.parse(text) as PreparedAfters);
  }

  /** A roll-forward prepares only what is not done; what an earlier one prepared for the rest stays. */
  #mergePrepared(token: Digest, next: PreparedAfters): PreparedAfters {
    const earlier = this.preparedAfters(token);
    const renewed = new Set(next.changes.map(({ resource }) => resource));
    return {
      afters: { ...earlier.afters, ...next.afters },
      changes: [...earlier.changes.filter(({ resource }) => !renewed.has(resource)), ...next.changes],
      ...(next.record === undefined ? {} : { record: next.record }),
    };
  }

  effectMarks(token: Digest): ReadonlyMap<number, EffectMark> {
    return new Map(
      this.#all('SELECT effect, outcome, after FROM effect_mark WHERE token = ? ORDER BY effect', token).map((row) => [
        row['effect'] as number,
        {
          outcome: row['outcome'] as EffectMark['outcome'],
          after: this.#parse(ResourceStateSchema, row['after'] as string, 'effect mark'),
        },
      ]),
    );
  }

  markEffect(token: Digest, effect: number, mark: EffectMark): void {
    this.#run(
      'INSERT INTO effect_mark VALUES (?, ?, ?, ?) ON CONFLICT (token, effect) DO UPDATE SET outcome = excluded.outcome, after = excluded.after',
      token,
      effect,
      mark.outcome,
      JSON.stringify(mark.after),
    );
  }

  clearEffectMarks(token: Digest): void {
    this.#run('DELETE FROM effect_mark WHERE token = ?', token);
  }

  // ---- what a person decided while a job was undone -----------------------------------------------------------------

  undoRulings(jobId: string): readonly UndoRuling[] {
    return this.#all('SELECT * FROM undo_ruling WHERE job_id = ? ORDER BY rowid', jobId).map((row) => ({
      jobId,
      token: row['token'] as string,
      resource: row['resource'] as string,
      answer: row['answer'] as UndoRuling['answer'],
      by: row['by'] as string,
      reason: row['reason'] as string,
      found: row['found'] === null ? null : this.#parse(ResourceStateSchema, row['found'] as string, 'ruling'),
    }));
  }

  putUndoRuling({ token, resource, jobId, answer, found, by, reason }: UndoRuling): void {
    this.#run(
      'INSERT INTO undo_ruling VALUES (?,?,?,?,?,?,?) ON CONFLICT (token, resource) DO UPDATE SET answer = excluded.answer, found = excluded.found, by = excluded.by, reason = excluded.reason',
      token,
      resource,
      jobId,
      answer,
      found === null ? null : JSON.stringify(found),
      by,
      reason,
    );
  }

  // ---- chain and manifest ------------------------------------------------------------------------------------------

  /** Appends a record, folds it into the manifest and returns it with its place. */
  append(jobId: string, runId: string, fields: NewRecord): { readonly record: ChainRecord; readonly at: ChainPlace } {
    return this.appendPlanned(this.plan(jobId, runId, fields));
  }

  /** The record as it will be if it is the next. Writes nothing. `at`: ISO time, default now. */
  plan(jobId: string, runId: string, fields: NewRecord, at = new Date().toISOString()): PlannedRecord {
    const row = this.#get('SELECT seq, head FROM job WHERE job_id = ?', jobId);
    if (row === undefined)
      throw new HoldfastError('defect', `A record was to be appended for ${jobId}, which has no row in the ledger.`);
    const seq = (row['seq'] as number) + 1;
    const record = { ...fields, schemaVersion: 1, jobId, seq, runId, at } as ChainRecord;
    const text = recordText(record);
    return { record, text, at: { seq, head: nextHead(row['head'] as string, text) } };
  }

  /** Appends a planned record in its place. @throws HoldfastError `defect` when another has taken it */
  appendPlanned({ record, text, at }: PlannedRecord): { readonly record: ChainRecord; readonly at: ChainPlace } {
    const { jobId, runId } = record;
    const { seq, head } = at;
    const { changes } = this.#run(
      'UPDATE job SET seq = ?, head = ? WHERE job_id = ? AND seq = ?',
      seq,
      head,
      jobId,
      seq - 1,
    );
    if (changes !== 1)
      throw new HoldfastError('defect', `Record ${seq} of ${jobId} was planned for another end of the chain.`);
    const step = record.kind === 'step' ? record : undefined;
    const own = step ?? (record.kind === 'undone' ? record : undefined);
    this.#run(
      'INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      jobId,
      seq,
      record.kind,
      own?.token ?? null,
      own?.stepId ?? null,
      own?.generation ?? null,
      runId,
      text,
      head,
    );
    if (step !== undefined) this.issueGeneration(jobId, step.stepId, step.generation);
    this.#foldIntoManifest(record);
    return { record, at: { seq, head } };
  }

  headAt(jobId: string, seq: number): Digest | undefined {
    if (seq === 0) return GENESIS;
    return this.#get('SELECT head FROM record WHERE job_id = ? AND seq = ?', jobId, seq)?.['head'] as
      | string
      | undefined;
  }

  stepRecord(
    token: Digest,
  ): { readonly record: Extract<ChainRecord, { kind: 'step' }>; readonly at: ChainPlace } | undefined {
    const row = this.#get(`SELECT seq, body, head FROM record WHERE token = ? AND kind = 'step'`, token);
    if (row === undefined) return undefined;
    const record = this.#parse(ChainRecordSchema, row['body'] as string, `record ${row['seq'] as number}`);
    if (record.kind !== 'step')
      throw new HoldfastError(
        'ledger-damaged',
        `Record ${record.seq} is filed under a step's token but is a ${record.kind} record.`,
      );
    return { record, at: { seq: row['seq'] as number, head: row['head'] as string } };
  }

  /** The record of an undoing, by its own token. */
  undoneRecord(token: Digest): { readonly record: UndoneRecord; readonly at: ChainPlace } | undefined {
    const row = this.#get(`SELECT seq, body, head FROM record WHERE token = ? AND kind = 'undone'`, token);
    if (row === undefined) return undefined;
    const record = this.#parse(ChainRecordSchema, row['body'] as string, `record ${row['seq'] as number}`);
    if (record.kind !== 'undone')
      throw new HoldfastError(
        'ledger-damaged',
        `Record ${record.seq} is filed under an undoing's token but is a ${record.kind} record.`,
      );
    return { record, at: { seq: row['seq'] as number, head: row['head'] as string } };
  }

  /** Does the chain hold a person's approval of this intent? */
  isApproved(jobId: string, intent: Digest): boolean {
    return (
      this.#get(
        `SELECT 1 FROM record WHERE job_id = ? AND kind = 'decision' AND body ->> '$.approves' = ?`,
        jobId,
        intent,
      ) !== undefined
    );
  }

  /** Steps that decisions after a place in the chain made run again. */
  rerunsSince(jobId: string, seq: number): readonly string[] {
    const bodies = this.#all(
      `SELECT seq, body FROM record WHERE job_id = ? AND seq > ? AND kind = 'decision'`,
      jobId,
      seq,
    );
    const records = bodies.map((row) =>
      this.#parse(ChainRecordSchema, row['body'] as string, `record ${row['seq'] as number}`),
    );
    return [
      ...new Set(
        records.flatMap((record) => (record.kind === 'decision' ? record.reruns.map(({ stepId }) => stepId) : [])),
      ),
    ];
  }

  /** A job's records after a place in its chain, in order. */
  *records(jobId: string, after = 0): Generator<ReadRecord> {
    for (const batch of this.recordBatches(jobId, after)) yield* batch;
  }

  /** The same in batches, so that whoever reads many can give others a turn between two. */
  *recordBatches(jobId: string, after = 0): Generator<readonly ReadRecord[]> {
    let seq = after;
    let previous = this.headAt(jobId, after) ?? GENESIS;
    for (;;) {
      const batch: ReadRecord[] = [];
      for (const stored of this.#storedRecords(jobId, seq)) {
        batch.push(this.#parseRecord(previous, stored));
        previous = stored.head;
        seq = stored.seq;
      }
      if (batch.length === 0) return;
      yield batch;
    }
  }

  /** Each record after a place, in order; others get a turn between batches. */
  async visitRecords(jobId: string, after: number, visit: (record: ReadRecord) => void): Promise<void> {
    for (const batch of this.recordBatches(jobId, after)) {
      batch.forEach(visit);
      await nextTurn();
    }
  }

  #storedRecords(jobId: string, after: number): readonly StoredRecord[] {
    const batch: StoredRecord[] = [];
    let sizeBytes = 0;
    for (const row of this.#statement(
      'SELECT seq, body, head FROM record WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?',
    ).iterate(jobId, after, BATCH_RECORDS) as Iterable<Record<string, unknown>>) {
      const text = row['body'] as string;
      batch.push({ seq: row['seq'] as number, text, head: row['head'] as string });
      sizeBytes += text.length;
      if (sizeBytes > BATCH_BYTES) break;
    }
    return batch;
  }

  #parseRecord(previous: Digest, stored: StoredRecord): ReadRecord {
    try {
      return this.#parser.parse(previous, stored);
    } catch (error) {
      throw unreadable(`record ${stored.seq}`, error);
    }
  }

  manifestEntry(jobId: string, resource: string): ManifestEntry | undefined {
    const row = this.#get('SELECT entry FROM manifest WHERE job_id = ? AND resource = ?', jobId, resource);
    return row === undefined ? undefined : this.#manifestEntryFrom(resource, row['entry'] as string);
  }

  manifest(jobId: string): Map<string, ManifestEntry> {
    const entries = new Map<string, ManifestEntry>();
    for (const row of this.#statement(
      'SELECT resource, entry FROM manifest WHERE job_id = ? ORDER BY resource',
    ).iterate(jobId) as Iterable<Record<string, unknown>>) {
      entries.set(
        row['resource'] as string,
        this.#manifestEntryFrom(row['resource'] as string, row['entry'] as string),
      );
    }
    return entries;
  }

  /** Tables whose schema the record has, as they were spelled. */
  recordedTables(jobId: string, database: string): readonly string[] {
    const prefix = formatResource({ kind: 'schema', database, table: '' });
    return this.#all(
      'SELECT resource FROM manifest WHERE job_id = ? AND resource >= ? AND resource < ? ORDER BY resource',
      jobId,
      prefix,
      `${prefix.slice(0, -1)}0`,
    )
      .map((row) => parseResource(row['resource'] as string))
      .flatMap((resource) => (resource.kind === 'schema' ? [resource.table] : []));
  }

  /** Paths of the workspace that the record has something of. */
  recordedFiles(jobId: string): readonly string[] {
    return this.#all(
      "SELECT resource FROM manifest WHERE job_id = ? AND resource >= 'file:' AND resource < 'file;' ORDER BY resource",
      jobId,
    ).map((row) => (row['resource'] as string).slice('file:'.length));
  }

  /** What the record has of a table's rows. */
  recordedRows(jobId: string, database: string, table: string): readonly ManifestEntry[] {
    const prefix = formatResource({ kind: 'row', database, table, key: {} }).slice(0, -'{}'.length);
    // Every resource that begins with the prefix comes before the one that ends in the character after `/`.
    const end = `${prefix.slice(0, -1)}0`;
    return this.#all(
      'SELECT resource, entry FROM manifest WHERE job_id = ? AND resource >= ? AND resource < ? ORDER BY resource',
      jobId,
      prefix,
      end,
    ).map((row) => this.#manifestEntryFrom(row['resource'] as string, row['entry'] as string));
  }

  #manifestEntryFrom(resource: string, text: string): ManifestEntry {
    try {
      return JSON.parse(text) as ManifestEntry;
    } catch (error) {
      throw new HoldfastError(
        'ledger-damaged',
        `The ledger's manifest entry for ${resource} is not readable: ${(error as Error).message}`,
        {},
        { cause: error },
      );
    }
  }

  /**
   * Recomputes the chain and the manifest from the records.
   * @returns what is wrong, in words; empty when nothing is
   */
  integrityProblems(jobId: string): readonly string[] {
    return this.#problemsOf(() => {
      const checking = this.#check(jobId, () => undefined);
      for (let step = checking.next(); ; step = checking.next()) if (step.done === true) return step.value;
    }).problems;
  }

  /**
   * The same, giving others a turn between batches: call it under the workspace's lock. `visit` gets each record once,
   * in order, so that nothing else has to read them all again.
   */
  async checkIntegrity(jobId: string, visit: (record: ChainRecord) => void): Promise<ChainCheck> {
    const checking = this.#check(jobId, visit);
    for (;;) {
      let result: ChainCheck | undefined;
      const { problems } = this.#problemsOf(() => {
        const step = checking.next();
        result = step.done === true ? step.value : undefined;
        return { problems: [] };
      });
      if (problems.length > 0) return { problems, manifest: new Map(), at: { seq: 0, head: GENESIS } };
      if (result !== undefined) return result;
      await nextTurn();
    }
  }

  /** A ledger that can't be read is a problem of its own. */
  #problemsOf<T extends { readonly problems: readonly string[] }>(
    check: () => T,
  ): T | { readonly problems: readonly string[] } {
    try {
      return check();
    } catch (error) {
      const failure = this.#translate(error);
      if (failure instanceof HoldfastError && failure.type === 'ledger-damaged') return { problems: [failure.message] };
      throw failure;
    }
  }

  *#check(jobId: string, visit: (record: ChainRecord) => void): Generator<undefined, ChainCheck> {
    const check = this.#get('PRAGMA quick_check');
    const own =
      check === undefined || Object.values(check)[0] === 'ok' ? [] : [`SQLite: ${String(Object.values(check)[0])}`];
    yield;
    const job = this.job(jobId);
    if (job === undefined)
      return {
        problems: [...own, `there is no row for job ${jobId}`],
        manifest: new Map(),
        at: { seq: 0, head: GENESIS },
      };
    const chain = yield* checkChain(
      { at: job.at, batches: this.recordBatches(jobId), manifest: () => this.manifest(jobId) },
      visit,
    );
    return { ...chain, problems: [...own, ...chain.problems] };
  }

  /** Did the ledger issue this token: a step's, an intent's, a repair's? */
  knowsToken(token: Digest): boolean {
    return (
      this.#get(`SELECT 1 FROM record WHERE token = ? AND kind = 'step'`, token) !== undefined ||
      this.#get(`SELECT 1 FROM record WHERE token = ? AND kind = 'undone'`, token) !== undefined ||
      this.#get(`SELECT 1 FROM intent WHERE token = ? AND state = 'applying'`, token) !== undefined ||
      this.#get('SELECT 1 FROM repair WHERE question = ?', token) !== undefined
    );
  }

  // ---- questions, repairs, generations -----------------------------------------------------------------------------

  question(digest: Digest): { readonly question: Question; readonly state: 'open' | 'closed' } | undefined {
    const row = this.#get('SELECT body, state FROM question WHERE digest = ?', digest);
    return row === undefined
      ? undefined
      : {
          question: this.#parse(QuestionSchema, row['body'] as string, 'question'),
          state: row['state'] as 'open' | 'closed',
        };
  }

  openQuestions(jobId: string): readonly Question[] {
    return this.#all(`SELECT body FROM question WHERE job_id = ? AND state = 'open' ORDER BY rowid`, jobId).map((row) =>
      this.#parse(QuestionSchema, row['body'] as string, 'question'),
    );
  }

  openQuestion(question: Question, identity: Digest): void {
    this.#run(
      `INSERT INTO question VALUES (?, ?, ?, ?, ?, ?, 'open')`,
      question.digest,
      question.jobId,
      question.kind,
      question.token ?? null,
      identity,
      JSON.stringify(question),
    );
  }

  closeQuestion(digest: Digest): void {
    this.#run(`UPDATE question SET state = 'closed' WHERE digest = ?`, digest);
  }

  repairBody(question: Digest): { readonly body: unknown; readonly state: 'sealed' | 'done' } | undefined {
    const row = this.#get('SELECT body, state FROM repair WHERE question = ?', question);
    return row === undefined
      ? undefined
      : { body: JSON.parse(row['body'] as string), state: row['state'] as 'sealed' | 'done' };
  }

  /** The body of the repair that was carried out last. */
  latestRepair(jobId: string): unknown {
    const body = this.#get(
      `SELECT body FROM repair WHERE job_id = ? AND state = 'done' ORDER BY rowid DESC LIMIT 1`,
      jobId,
    )?.['body'] as string | undefined;
    return body === undefined ? undefined : JSON.parse(body);
  }

  sealedRepairs(jobId: string): readonly Digest[] {
    return this.#all(`SELECT question FROM repair WHERE job_id = ? AND state = 'sealed' ORDER BY rowid`, jobId).map(
      (row) => row['question'] as string,
    );
  }

  putRepair(question: Digest, jobId: string, body: unknown): void {
    this.#run(`INSERT INTO repair VALUES (?, ?, ?, 'sealed')`, question, jobId, JSON.stringify(body));
  }

  finishRepair(question: Digest, body: unknown): void {
    this.#run(`UPDATE repair SET state = 'done', body = ? WHERE question = ?`, JSON.stringify(body), question);
  }

  highestGeneration(jobId: string, stepId: string): number | undefined {
    return this.#get('SELECT highest FROM generation WHERE job_id = ? AND step_id = ?', jobId, stepId)?.['highest'] as
      | number
      | undefined;
  }

  issueGeneration(jobId: string, stepId: string, generation: number): void {
    this.#run(
      'INSERT INTO generation VALUES (?, ?, ?) ON CONFLICT (job_id, step_id) DO UPDATE SET highest = max(highest, excluded.highest)',
      jobId,
      stepId,
      generation,
    );
  }

  // ---- inside ------------------------------------------------------------------------------------------------------

  #foldIntoManifest(record: ChainRecord): void {
    if (record.changes.length === 0) return;
    const touched = new Map<string, ManifestEntry>();
    for (const { resource } of record.changes) {
      const present = this.manifestEntry(record.jobId, resource);
      if (present !== undefined) touched.set(resource, present);
    }
    foldManifest(touched, record);
    for (const entry of touched.values()) {
      if (entry.seq !== record.seq) continue;
      this.#run(
        'INSERT INTO manifest VALUES (?, ?, ?, ?) ON CONFLICT (job_id, resource) DO UPDATE SET digest = excluded.digest, entry = excluded.entry',
        record.jobId,
        entry.resource,
        entry.digest,
        JSON.stringify(entry),
      );
    }
  }

  #intentFrom(row: Record<string, unknown>): IntentRow {
    const intent = this.#parse(IntentSchema, row['body'] as string, 'intent');
    const digest = row['digest'] as string;
    if (digestOf(intent) !== digest)
      throw new HoldfastError(
        'ledger-damaged',
        `The sealed intent of step ${intent.stepId} does not match its digest.`,
        { stepId: intent.stepId },
      );
    return {
      intent,
      digest,
      state: row['state'] as IntentRow['state'],
      approval: row['approval'] === 1,
      details: JSON.parse(row['details'] as string) as IntentDetails,
    };
  }

  #checkVersion(): void {
    const found = this.#meta('schemaVersion');
    if (found === undefined) {
      this.transaction(() => {
        this.#setMeta('schemaVersion', String(LEDGER_SCHEMA_VERSION));
        this.#setMeta('ledgerId', randomUUID());
      });
    } else if (Number(found) !== LEDGER_SCHEMA_VERSION) {
      throw new HoldfastError(
        'ledger-damaged',
        `The ledger at ${this.path} has schema version ${found}; this release reads version ${LEDGER_SCHEMA_VERSION}.`,
        { found },
      );
    }
  }

  #meta(key: string): string | undefined {
    return this.#get('SELECT value FROM meta WHERE key = ?', key)?.['value'] as string | undefined;
  }

  #setMeta(key: string, value: string): void {
    this.#run('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, value);
  }

  #setSynchronous(level: 'FULL' | 'NORMAL'): void {
    if (this.#synchronous === level) return;
    this.#run(`PRAGMA synchronous = ${level}`);
    this.#synchronous = level;
  }

  #begin(): void {
    try {
      this.#run('BEGIN IMMEDIATE');
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #translate(error: unknown): unknown {
    const code = (error as { errcode?: number }).errcode;
    if (code === undefined) return error;
    const primary = code & 0xff;
    const text = `${(error as Error).message} (SQLite ${code}, ${this.path})`;
    if (primary === 5 || primary === 6)
      return new HoldfastError('busy', `The ledger is locked by another process: ${text}.`, {}, { cause: error });
    if (primary === 11 || primary === 26)
      return new HoldfastError('ledger-damaged', `The ledger is damaged: ${text}.`, {}, { cause: error });
    if (primary === 10 || primary === 13 || primary === 14)
      return new HoldfastError('storage-failed', `The ledger cannot be written: ${text}.`, {}, { cause: error });
    if (primary === 8 || primary === 3 || primary === 23)
      return new HoldfastError('permission-denied', `The ledger cannot be written: ${text}.`, {}, { cause: error });
    return error;
  }

  #parse<T>(schema: { parse(value: unknown): T }, text: string, what: string): T {
    try {
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw unreadable(what, error);
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #get(sql: string, ...values: SQLInputValue[]): Record<string, unknown> | undefined {
    try {
      return this.#statement(sql).get(...values) as Record<string, unknown> | undefined;
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #all(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    try {
      return this.#statement(sql).all(...values) as Record<string, unknown>[];
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #run(sql: string, ...values: SQLInputValue[]): { readonly changes: number } {
    return { changes: Number(this.#statement(sql).run(...values).changes) };
  }
}

function unreadable(what: string, error: unknown): HoldfastError {
  return new HoldfastError(
    'ledger-damaged',
    `The ledger's ${what} is not readable: ${(error as Error).message.slice(0, 300)}`,
    {},
    { cause: error },
  );
}

function claimFrom(row: Record<string, unknown>): ClaimRow {
  return {
    token: row['token'] as string,
    jobId: row['job_id'] as string,
    stepId: row['step_id'] as string,
    generation: row['generation'] as number,
    args: row['args'] as string,
    nonce: row['nonce'] as string,
    workerId: row['worker_id'] as string,
    state: row['state'] as ClaimRow['state'],
    ordinal: row['ordinal'] as number,
    attempts: row['attempts'] as number,
    failures: row['failures'] as number,
    dropped: row['dropped'] as number,
    draft: row['draft'] as number,
    rejection:
      row['rejection'] === null ? null : (JSON.parse(row['rejection'] as string) as { reason: string; by: string }),
  };
}
