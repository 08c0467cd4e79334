/**
 * Looks at a workspace from outside: its record, and the world compared with it. For people who ask; no job takes part.
 *
 * Invariants
 * 1. Nothing is written in the workspace, also not by SQLite: the ledger is read from a copy, which is taken again
 *    until nothing moved meanwhile. No worker is registered, no mark or term set.
 * 2. A running worker is not held up: no lock is taken. What differs is looked at again against a newer copy, so that a
 *    step that was committed meanwhile is no difference.
 */
import { existsSync, realpathSync } from 'node:fs';
import { defined } from '../../model/defined.ts';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { RewindPreview } from '../../model/job/rewind.ts';
import type { UndoPreview } from '../../model/job/undo-preview.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Question } from '../../model/question/question.ts';
import type { ChainRecord, CheckpointRecord } from '../../model/record/record.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { StepImplementation } from '../../model/step/step.ts';
import { LEDGER_FILE } from '../../store/ledger/file.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { compare } from '../compare/compare.ts';
import type { Comparison } from '../compare/comparison.ts';
import { UndoPlan } from '../undo/plan/plan.ts';
import { Workspace } from '../workspace/workspace.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import { contentProblems, type ContentProblems } from './contents.ts';
import { inspectDatabase, type DatabaseInspection } from './database-inspection.ts';
import { hasLedger, LedgerCopy } from './ledger-copy.ts';
import { namedJob } from './named-job.ts';
import { previewRewind, type AskedRewind } from './rewind-preview.ts';
import { storedProblems, type StoredProblems } from './stored-checkpoints.ts';
import { previewUndo } from './undo-preview.ts';

const MAX_LOOKS = 5;

type Env = Readonly<Record<string, string | undefined>>;
type Steps = ReadonlyMap<string, StepImplementation>;

/** A job that a workspace has a record of. */
export interface InspectedJob {
  /** Workflow id and first execution run id. */
  readonly jobId: string;
  /** What every command and call names the job by. */
  readonly workflowId: string;
  /** The Run that had the workspace last. */
  readonly runId: string;
  /** `open`, or how it ended, as the workspace knows it. */
  readonly state: JobRow['state'];
  /** Raised by a Run's first comparison and by repairs. */
  readonly term: number;
  /** How many its chain has. */
  readonly records: number;
  /** Does the workspace belong to it now? */
  readonly isBound: boolean;
}

export interface ChainEntry {
  readonly record: ChainRecord;
  readonly head: Digest;
}

export interface WorldInspection {
  readonly findings: readonly Finding[];
  readonly resources: number;
  readonly sizeBytes: number;
  /** Steps whose version could not be compared: their code is not known here. */
  readonly unknownSteps: readonly string[];
}

export interface ComparisonOptions {
  /** The code that is known here. */
  readonly steps: Steps;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface LatestRecords {
  readonly entries: readonly ChainEntry[];
  /** What is wrong, in words; then there are no entries. */
  readonly damage: readonly string[];
}

/** One look at a workspace. Dispose of it: it holds a copy of the ledger and may hold connections. */
export class WorkspaceInspection implements AsyncDisposable {
  readonly root: string;
  readonly #env: Env;
  readonly #copy: LedgerCopy;
  #workspace: Workspace | undefined;

  private constructor(root: string, env: Env, copy: LedgerCopy) {
    this.root = root;
    this.#env = env;
    this.#copy = copy;
  }

  /** @throws HoldfastError `not-found` (no folder, no record in it), `ledger-damaged`, `busy`, `permission-denied` */
  static async open(folder: string, env: Env): Promise<WorkspaceInspection> {
    if (!existsSync(folder)) throw new HoldfastError('not-found', `There is no folder ${folder}.`, { folder });
    const root = realpathSync(folder);
    const ledgerPath = `${HOLDFAST_DIRECTORY}/${LEDGER_FILE}`;
    if (!hasLedger(root))
      throw new HoldfastError('not-found', `${root} has no record of a job (no ${ledgerPath}).`, { folder: root });
    return new WorkspaceInspection(root, env, await LedgerCopy.of(root));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#copy[Symbol.dispose]();
    await this.#workspace?.close();
  }

  get #ledger(): Ledger {
    return this.#copy.ledger;
  }

  /** All jobs that the record speaks of, the oldest first. */
  jobs(): readonly InspectedJob[] {
    return this.#ledger.jobIds().map((jobId) => this.#inspected(this.#ledger.job(jobId)!));
  }

  /** As `namedJob`. @throws HoldfastError `not-found` */
  job(name?: string): InspectedJob {
    return this.#inspected(namedJob(this.#ledger, this.root, name));
  }

  #inspected({ jobId, workflowId, runId, state, term, at }: JobRow): InspectedJob {
    return { jobId, workflowId, runId, state, term, records: at.seq, isBound: jobId === this.#ledger.boundJobId() };
  }

  chain(jobId: string, after = 0): readonly ChainEntry[] {
    return [...this.records(jobId, after)];
  }

  /** As `chain`, while they are read; each is proved by its head. @throws HoldfastError `ledger-damaged` */
  *records(jobId: string, after = 0): Generator<ChainEntry, void, undefined> {
    for (const { record, head } of this.#ledger.records(jobId, after)) yield { record, head };
  }

  /**
   * So many of the latest records, each proved by its own head, or none with what is wrong. `most`: undefined, or more
   * than there are: all, and all that the record has is checked.
   */
  latest({ jobId, records }: InspectedJob, most: number | undefined): LatestRecords {
    if (most === undefined || most >= records) {
      const damage = this.integrityProblems(jobId);
      return { damage, entries: damage.length > 0 ? [] : this.chain(jobId) };
    }
    try {
      const entries = this.chain(jobId, records - most);
      const isEnd = entries.at(-1)?.head === this.#ledger.job(jobId)?.at.head;
      return isEnd ? { entries, damage: [] } : { entries: [], damage: [`the chain does not end at record ${records}`] };
    } catch (error) {
      if (!isFailure(error, 'ledger-damaged')) throw error;
      return { entries: [], damage: [error.message] };
    }
  }

  /** Reads every content of the record and compares it with its digest. */
  contentProblems(onProgress?: (read: number) => void): Promise<ContentProblems> {
    return contentProblems({ ledger: this.#ledger, blobs: this.#opened().blobs, onProgress });
  }

  /**
   * Reads back what the job's store has of it. Undefined: its checkpoints are in the record alone.
   * @throws HoldfastError where the store can't be read
   */
  async storedProblems(jobId: string, onProgress?: (read: number) => void): Promise<StoredProblems | undefined> {
    const { settings } = this.#ledger.job(jobId)!;
    if (settings.checkpoint === undefined) return undefined;
    const store = this.#opened().checkpointStore(settings);
    const headAt = (seq: number): Digest | undefined => this.#ledger.headAt(jobId, seq);
    return await storedProblems({ store, jobId, headAt, onProgress });
  }

  /**
   * What the store has under this digest, in chunks; undefined: nothing. Damage shows at the end.
   * @throws HoldfastError `ledger-damaged`
   */
  content(digest: Digest): AsyncGenerator<Buffer, void, undefined> | undefined {
    const { blobs } = this.#opened();
    return blobs.has(digest) ? blobs.stream(digest) : undefined;
  }

  /** A job's checkpoints up to a place in its chain, in order. */
  checkpoints(jobId: string, upTo = Number.MAX_SAFE_INTEGER): readonly CheckpointRecord[] {
    return this.#ledger.checkpoints(jobId, upTo);
  }

  openQuestions(jobId: string): readonly Question[] {
    return this.#ledger.openQuestions(jobId);
  }

  /** What is wrong with the record itself, in words; empty when nothing is. */
  integrityProblems(jobId: string): readonly string[] {
    return this.#ledger.integrityProblems(jobId);
  }

  /** Compares the world with the record. @throws HoldfastError `ledger-damaged` */
  async compareWorld(jobId: string, options: ComparisonOptions): Promise<WorldInspection> {
    const damage = this.integrityProblems(jobId);
    if (damage.length > 0) {
      const message = `The record in ${this.root} is damaged, so nothing can be compared with it`;
      throw new HoldfastError('ledger-damaged', `${message}: ${damage.join('; ')}.`, { damage });
    }
    const unknownSteps = this.#unknownSteps(jobId, options.steps);
    let comparison = await this.#compare(jobId, unknownSteps, options);
    for (let look = 1; look < MAX_LOOKS && comparison.findings.length > 0; look++) {
      const { at } = comparison;
      await this.#copy.renew();
      // Nothing was recorded meanwhile, so what differs differs.
      if (this.#ledger.job(jobId)?.at.seq === at.seq && this.#ledger.openIntents(jobId).length === 0) break;
      comparison = await this.#compare(jobId, unknownSteps, options);
    }
    const { findings, resources, sizeBytes } = comparison;
    return { findings: this.#opened().secrets.redactJson(findings), resources, sizeBytes, unknownSteps };
  }

  /** What `abort` with `compensate` would undo, newest first. `steps`: the code that is known here. */
  async undoPreview(jobId: string, steps: Steps): Promise<readonly UndoPreview[]> {
    const plan = await UndoPlan.of(this.#ledger, jobId);
    return plan.items(this.#ledger, jobId, steps).map((item) => previewUndo(this.#ledger, jobId, item, steps));
  }

  /** What going back to a checkpoint, or undoing that, would do. @throws HoldfastError `not-found`, `bad-input` */
  async rewindPreview(job: InspectedJob, asked: AskedRewind, steps: Steps): Promise<RewindPreview> {
    return await previewRewind(this.#ledger, job, asked, () => this.compareWorld(job.jobId, { steps }));
  }

  /** Can each database of a job be reached, and has it the term that the record has? */
  async databases(jobId: string): Promise<readonly DatabaseInspection[]> {
    const job = this.#ledger.job(jobId)!;
    const names = Object.keys(job.settings.databases).sort();
    // Whatever the record knows of them: who only looks makes no database.
    this.#opened().expectDatabases(new Set(names));
    return await Promise.all(names.map((name) => inspectDatabase(this.#opened(), job, name)));
  }

  async #compare(
    jobId: string,
    unknownSteps: readonly string[],
    { steps, onProgress }: ComparisonOptions,
  ): Promise<Comparison> {
    const { settings, at } = this.#ledger.job(jobId)!;
    const manifest = this.#ledger.manifest(jobId);
    this.#opened().secrets.know(settings);
    for (const step of unknownSteps) manifest.delete(formatResource({ kind: 'code', step }));
    return await compare({
      host: { steps, env: this.#env },
      workspace: this.#opened(),
      settings,
      jobId,
      ledger: this.#ledger,
      at,
      manifest,
      ...defined({ onProgress }),
    });
  }

  #unknownSteps(jobId: string, steps: Steps): readonly string[] {
    return [...this.#ledger.manifest(jobId).keys()]
      .filter((resource) => resource.startsWith('code:'))
      .map((resource) => resource.slice('code:'.length))
      .filter((step) => !steps.has(step));
  }

  #opened(): Workspace {
    this.#workspace ??= new Workspace(this.root, this.#env);
    this.#workspace.readContentsFrom(this.#ledger);
    return this.#workspace;
  }
}
