/**
 * The durable local record of a workspace's jobs: one SQLite file in WAL mode. This is its face; each table has a
 * module of its own, which says what its methods do and which invariants hold.
 *
 * Invariants
 * 1. Everything is written under the workspace's lock, in one transaction each (see file.ts).
 * 2. Records are appended, never changed. The manifest table is the fold of the records and is checked against them.
 * 3. No wait happens inside: node:sqlite is synchronous, and a wait in it would stop heartbeats.
 */
import type { Digest } from '../../model/digest.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { Question } from '../../model/question/question.ts';
import type { ChainRecord, CheckpointRecord, StepRecord, UndoneRecord } from '../../model/record/record.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { ChainCheck, ReadRecord } from './chain-check.ts';
import { appendRecord, planRecord, type NewRecord, type PlannedRecord } from './chain.ts';
import type { CheckedHead } from './checked.ts';
import type { ClaimRow } from './claims.ts';
import type { EffectMark } from './effect-marks.ts';
import type { GenerationTable } from './generations.ts';
import { LedgerFile, type TransactionOptions } from './file.ts';
import { checkIntegrity, integrityProblems, type GoingOn } from './integrity.ts';
import type { IntentDetails, IntentRow, NewIntent, PreparedAfters } from './intents.ts';
import type { JobRows } from './job-rows.ts';
import type { BootTime, JobRow, NewJob } from './jobs.ts';
import { checkVersion } from './meta.ts';
import type { OnceTable } from './once.ts';
import type { PerformRow } from './perform-row.ts';
import type { QuestionRow } from './questions.ts';
import { PendingForks } from './pending-fork.ts';
import type { PlacedRecord, RecordedSubStep } from './records.ts';
import type { RepairTable } from './repairs.ts';
import { standingOf, type Standing } from './standing.ts';
import { hasIssued, hasSettled, tablesOf, type LedgerTables } from './tables.ts';
import type { UndoRulingTable } from './undo-rulings.ts';

export class Ledger {
  readonly #file: LedgerFile;
  readonly #tables: LedgerTables;
  readonly forks: PendingForks;

  private constructor(file: LedgerFile) {
    this.#file = file;
    this.#tables = tablesOf(file);
    this.forks = new PendingForks(this.#tables);
  }

  /**
   * Opens the ledger in a `.holdfast` directory, creating it on request. Safe to repeat.
   * @throws HoldfastError `not-found` (absent and not to be created), `ledger-damaged`
   */
  static open(directory: string, options: { readonly create: boolean }): Ledger {
    return new Ledger(LedgerFile.open(directory, options, checkVersion));
  }

  get path(): string {
    return this.#file.path;
  }
  isUsable(): boolean {
    return this.#file.isUsable();
  }
  close(): void {
    this.#file.close();
  }
  transaction<T>(work: () => T, options?: TransactionOptions): T {
    return this.#file.transaction(work, options);
  }
  reading<T>(work: () => T): T {
    return this.#file.reading(work);
  }
  held<T>(work: () => Promise<T> | T): Promise<T> {
    return this.#file.held(work);
  }

  job(jobId: string): JobRow | undefined {
    return this.#tables.jobs.find(jobId);
  }
  standing(jobId: string, token: Digest): Standing | undefined {
    return standingOf(this.#file, jobId, token);
  }
  jobIds(): readonly string[] {
    return this.#tables.jobs.ids();
  }
  addJob(job: NewJob): void {
    this.#tables.jobs.add(job);
  }
  setRun(jobId: string, runId: string, settings: JobSettings): void {
    this.#tables.jobs.setRun(jobId, runId, settings);
  }
  setJobState(jobId: string, state: JobRow['state']): void {
    this.#tables.jobs.setState(jobId, state);
    if (state === 'released') this.forgetChecked(jobId);
  }
  /** @throws HoldfastError `fenced` */
  raiseTerm(jobId: string, term: number): void {
    this.#tables.jobs.raiseTerm(jobId, term);
  }
  /** Single values by name. */
  get meta(): LedgerTables['meta'] {
    return this.#tables.meta;
  }
  /** The job to which the workspace is bound now. */
  boundJobId(): string | undefined {
    return this.#tables.meta.find('boundJob');
  }
  bind(jobId: string): void {
    this.#tables.meta.set('boundJob', jobId);
  }
  unbind(): void {
    this.#tables.meta.remove('boundJob');
  }
  nextOrdinal(): number {
    return this.#tables.meta.nextOrdinal();
  }
  setMark(jobId: string, ordinal: number, clock: BootTime): void {
    this.#tables.jobs.setMark(jobId, ordinal, clock);
  }
  workerOrdinal(workerId: string): number | undefined {
    return this.#tables.workers.ordinalOf(workerId);
  }
  registerWorker(workerId: string, identity: unknown): number {
    return this.#tables.workers.add(workerId, this.nextOrdinal(), identity);
  }
  claim(token: Digest): ClaimRow | undefined {
    return this.#tables.claims.find(token);
  }
  openClaims(jobId: string): readonly ClaimRow[] {
    return this.#tables.claims.open(jobId);
  }
  putClaim(claim: ClaimRow): void {
    this.#tables.claims.put(claim);
  }
  /** Values that steps have fixed. */
  get once(): OnceTable {
    return this.#tables.once;
  }
  perform(token: Digest, name: string): PerformRow | undefined {
    return this.#tables.calls.find(token, name);
  }
  performInForce(jobId: string, stepId: string, name: string, generation: number): PerformRow | undefined {
    return this.#tables.calls.inForce(jobId, stepId, name, generation);
  }
  performsInForce(jobId: string, stepId?: string, upTo?: number): readonly PerformRow[] {
    return this.#tables.calls.allInForce(jobId, stepId, upTo);
  }
  performs(jobId: string, stepId?: string): readonly PerformRow[] {
    return this.#tables.calls.all(jobId, stepId);
  }
  putPerform(row: PerformRow): void {
    this.#tables.calls.put(row);
  }

  intent(token: Digest): IntentRow | undefined {
    return this.#tables.intents.find(token);
  }
  openIntents(jobId: string): readonly IntentRow[] {
    return this.#tables.intents.open(jobId);
  }
  putIntent(intent: Intent, digest: Digest, approval: boolean, details: IntentDetails): void {
    this.#tables.intents.seal({ intent, digest, approval, details });
  }
  dropIntent(token: Digest): void {
    this.#tables.intents.drop(token);
  }
  finishIntent(token: Digest): void {
    if (this.#tables.intents.finish(token)) this.clearEffectMarks(token);
  }
  beginApplying(token: Digest, prepared: PreparedAfters, unsealed?: NewIntent): void {
    this.#tables.intents.beginApplying(token, prepared, unsealed);
  }
  preparedAfters(token: Digest): PreparedAfters {
    return this.#tables.intents.preparedAfters(token);
  }
  effectMarks(token: Digest): ReadonlyMap<number, EffectMark> {
    return this.#tables.marks.all(token);
  }
  markEffect(token: Digest, effect: number, mark: EffectMark): void {
    this.#tables.marks.put(token, effect, mark);
  }
  clearEffectMarks(token: Digest): void {
    this.#tables.marks.removeAll(token);
  }
  content(digest: Digest): Uint8Array | undefined {
    return this.#tables.contents.find(digest);
  }
  contents(): ReturnType<LedgerTables['contents']['all']> {
    return this.#tables.contents.all();
  }
  putContent(digest: Digest, bytes: Uint8Array): void {
    this.#tables.contents.put(digest, bytes);
  }
  plan(jobId: string, runId: string, fields: NewRecord, at = new Date().toISOString()): PlannedRecord {
    return planRecord(this.#tables.jobs, fields, { jobId, runId, at });
  }
  appendPlanned(planned: PlannedRecord): PlacedRecord {
    return appendRecord(this.#tables, planned);
  }
  append(jobId: string, runId: string, fields: NewRecord): PlacedRecord {
    return this.appendPlanned(this.plan(jobId, runId, fields));
  }
  headAt(jobId: string, seq: number): Digest | undefined {
    return this.#tables.records.headAt(jobId, seq);
  }
  stepRecord(token: Digest): PlacedRecord<StepRecord> | undefined {
    return this.#tables.records.step(token);
  }
  undoneRecord(token: Digest): PlacedRecord<UndoneRecord> | undefined {
    return this.#tables.records.undone(token);
  }
  checkpointSeq(jobId: string, digest: Digest): number | undefined {
    return this.#tables.records.checkpointSeq(jobId, digest);
  }
  latestCheckpoint(jobId: string): CheckpointRecord | undefined {
    return this.#tables.records.latestCheckpoint(jobId);
  }
  checkpoints(jobId: string, upTo: number): readonly CheckpointRecord[] {
    return this.#tables.records.checkpoints(jobId, upTo);
  }
  approvalOf(jobId: string, intent: Digest): { readonly by: string; readonly reason: string } | undefined {
    return this.#tables.records.approvalOf(jobId, intent);
  }
  sameStepOfAnother(jobId: string, stepId: string): StepRecord | undefined {
    return this.#tables.records.sameStepOfAnother(jobId, stepId);
  }
  rerunsSince(jobId: string, seq: number): readonly string[] {
    return this.#tables.records.rerunsSince(jobId, seq);
  }
  records(jobId: string, after?: number): Generator<ReadRecord> {
    return this.#tables.records.all(jobId, after);
  }
  visitRecords(jobId: string, after: number, visit: (record: ReadRecord) => void): Promise<void> {
    return this.#tables.records.visit(jobId, after, visit);
  }
  manifestEntry(jobId: string, resource: string): ManifestEntry | undefined {
    return this.#tables.manifest.find(jobId, resource);
  }
  manifest(jobId: string): Map<string, ManifestEntry> {
    return this.#tables.manifest.all(jobId);
  }
  recordedTables(jobId: string, database: string): readonly string[] {
    return this.#tables.manifest.tables(jobId, database);
  }
  recordedFiles(jobId: string): readonly string[] {
    return this.#tables.manifest.files(jobId);
  }
  recordedRows(jobId: string, database: string, table: string): readonly ManifestEntry[] {
    return this.#tables.manifest.rows(jobId, database, table);
  }
  integrityProblems(jobId: string): readonly string[] {
    return integrityProblems(this.#tables, jobId);
  }
  checkIntegrity(jobId: string, visit: (record: ChainRecord) => void, goingOn?: GoingOn): Promise<ChainCheck> {
    return checkIntegrity(this.#tables, jobId, visit, goingOn);
  }
  rememberChecked(jobId: string, head: CheckedHead): void {
    this.#tables.checked.put(jobId, head);
  }
  forgetChecked(jobId: string): boolean {
    return this.transaction(() => this.#tables.checked.remove(jobId), { relaxed: true });
  }
  /** Did the ledger issue this token: a step's, an undoing's, an intent's that is being applied, a repair's? */
  knowsToken(token: Digest): boolean {
    return hasIssued(this.#tables, token);
  }
  /** Of the first digits of a token. */
  hasSettled(digits: string): boolean {
    return hasSettled(this.#tables, digits);
  }

  question(digest: Digest): QuestionRow | undefined {
    return this.#tables.questions.find(digest);
  }
  openQuestions(jobId: string): readonly Question[] {
    return this.#tables.questions.open(jobId);
  }
  openQuestion(question: Question, identity: Digest): void {
    this.#tables.questions.add(question, identity);
  }
  closeQuestion(digest: Digest): void {
    this.#tables.questions.close(digest);
  }
  recordedSubSteps(jobId: string): readonly RecordedSubStep[] {
    return this.#tables.records.subSteps(jobId);
  }
  get rows(): JobRows {
    return this.#tables.rows;
  }
  get repairs(): RepairTable {
    return this.#tables.repairs;
  }
  get rulings(): UndoRulingTable {
    return this.#tables.rulings;
  }
  get generations(): GenerationTable {
    return this.#tables.generations;
  }
}
