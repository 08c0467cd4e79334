/**
 * Looks at a workspace from outside: its record, and the world compared with it. For people who ask; no job takes part.
 *
 * Invariants
 * 1. Nothing is written in the workspace, also not by SQLite: the ledger is read from a copy, which is taken again until
 *    nothing moved meanwhile. No worker is registered, no mark or term set.
 * 2. A running worker is not held up: no lock is taken. What differs is looked at again against a newer copy, so that a
 *    step that was committed meanwhile is no difference.
 */
import { copyFileSync, existsSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../model/failure.ts';
import type { Finding } from '../model/question/finding.ts';
import type { Question } from '../model/question/question.ts';
import { describeEffect } from '../model/record/effect-text.ts';
import { uriOf } from '../model/record/effect.ts';
import { formatResource } from '../model/record/resource.ts';
import type { ChainRecord } from '../model/record/record.ts';
import type { Digest } from '../model/digest.ts';
import type { StepImplementation } from '../model/step/step.ts';
import { tokenOf } from '../model/record/token.ts';
import type { UndoPreview } from '../model/job/undo-preview.ts';
import { Ledger } from '../store/ledger/ledger.ts';
import { LEDGER_FILE } from '../store/ledger/file.ts';
import type { JobRow } from '../store/ledger/jobs.ts';
import { compare } from './compare/compare.ts';
import type { Comparison } from './compare/comparison.ts';
import { resourceOfCall } from './question/kept-calls.ts';
import { callsOf, UndoPlan } from './undo/plan.ts';
import { HOLDFAST_DIRECTORY, Workspace } from './workspace/workspace.ts';

const MAX_COPIES = 50;
const MAX_LOOKS = 5;

export interface InspectedJob {
  readonly jobId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly state: JobRow['state'];
  readonly term: number;
  readonly records: number;
  /** Does the workspace belong to it now? */
  readonly isBound: boolean;
}

export interface ChainEntry {
  readonly record: ChainRecord;
  readonly head: Digest;
}

export interface DatabaseInspection {
  readonly name: string;
  readonly dialect?: string;
  readonly reachable: boolean;
  /** Why not, or what is wrong with its fence. */
  readonly problem?: string;
  readonly identity?: string;
  /** The job's term that the database has; undefined: it knows nothing of the job. */
  readonly fenceTerm?: number;
}

export interface WorldInspection {
  readonly findings: readonly Finding[];
  readonly resources: number;
  readonly sizeBytes: number;
  /** Steps whose version could not be compared: their code is not known here. */
  readonly unknownSteps: readonly string[];
}

/** Is there a record in this folder? */
export function hasLedger(root: string): boolean {
  return existsSync(join(root, HOLDFAST_DIRECTORY, LEDGER_FILE));
}

/** One look at a workspace. Dispose of it: it holds a copy of the ledger and may hold connections. */
export class WorkspaceInspection implements AsyncDisposable {
  readonly root: string;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #copies: string;
  #ledger: Ledger;
  #workspace: Workspace | undefined;

  private constructor(root: string, env: Readonly<Record<string, string | undefined>>, copies: string, ledger: Ledger) {
    this.root = root;
    this.#env = env;
    this.#copies = copies;
    this.#ledger = ledger;
  }

  /** @throws HoldfastError `not-found` (no folder, no record in it), `ledger-damaged`, `busy`, `permission-denied` */
  static async open(folder: string, env: Readonly<Record<string, string | undefined>>): Promise<WorkspaceInspection> {
    if (!existsSync(folder)) throw new HoldfastError('not-found', `There is no folder ${folder}.`, { folder });
    const root = realpathSync(folder);
    if (!hasLedger(root))
      throw new HoldfastError(
        'not-found',
        `${root} has no record of a job (no ${HOLDFAST_DIRECTORY}/${LEDGER_FILE}).`,
        { folder: root },
      );
    const copies = mkdtempSync(join(tmpdir(), 'holdfast-inspect-'));
    try {
      return new WorkspaceInspection(root, env, copies, await copyLedger(root, copies));
    } catch (error) {
      rmSync(copies, { recursive: true, force: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ledger.close();
    rmSync(this.#copies, { recursive: true, force: true });
    await this.#workspace?.close();
  }

  /** All jobs that the record speaks of, the oldest first. */
  jobs(): readonly InspectedJob[] {
    const bound = this.#ledger.boundJobId();
    return this.#ledger.jobIds().map((jobId) => {
      const { workflowId, runId, state, term, at } = this.#ledger.job(jobId)!;
      return { jobId, workflowId, runId, state, term, records: at.seq, isBound: jobId === bound };
    });
  }

  /** The job meant by a job id or Workflow id; without one the job that has the workspace, else its latest. @throws HoldfastError `not-found` */
  job(name?: string): InspectedJob {
    const jobs = this.jobs();
    const found =
      name === undefined
        ? (jobs.find(({ isBound }) => isBound) ?? jobs.at(-1))
        : jobs.findLast((job) => job.jobId === name || job.workflowId === name);
    if (found !== undefined) return found;
    throw new HoldfastError(
      'not-found',
      `${this.root} has no record of ${name === undefined ? 'any job' : `job ${name}`}${jobs.length === 0 ? '' : `; it has ${jobs.map(({ workflowId }) => workflowId).join(', ')}`}.`,
      { folder: this.root },
    );
  }

  chain(jobId: string): readonly ChainEntry[] {
    return [...this.#ledger.records(jobId)].map(({ record, head }) => ({ record, head }));
  }

  openQuestions(jobId: string): readonly Question[] {
    return this.#ledger.openQuestions(jobId);
  }

  /** What is wrong with the record itself, in words; empty when nothing is. */
  integrityProblems(jobId: string): readonly string[] {
    return this.#ledger.integrityProblems(jobId);
  }

  /** Compares the world with the record. `steps`: the code that is known here. @throws HoldfastError `ledger-damaged` */
  async compareWorld(
    jobId: string,
    steps: ReadonlyMap<string, StepImplementation>,
    onProgress?: (done: number, total: number) => void,
  ): Promise<WorldInspection> {
    const damage = this.integrityProblems(jobId);
    if (damage.length > 0)
      throw new HoldfastError(
        'ledger-damaged',
        `The record in ${this.root} is damaged, so nothing can be compared with it: ${damage.join('; ')}.`,
        { damage },
      );
    const unknown = unknownCode(this.#ledger, jobId, steps);
    let comparison = await this.#compare(jobId, steps, unknown, onProgress);
    for (let look = 1; look < MAX_LOOKS && comparison.findings.length > 0; look++) {
      const { at } = comparison;
      await this.#renewLedger();
      // Nothing was recorded meanwhile, so what differs differs.
      if (this.#ledger.job(jobId)?.at.seq === at.seq && this.#ledger.openIntents(jobId).length === 0) break;
      comparison = await this.#compare(jobId, steps, unknown, onProgress);
    }
    return {
      findings: this.#opened().secrets.redactJson(comparison.findings),
      resources: comparison.resources,
      sizeBytes: comparison.sizeBytes,
      unknownSteps: unknown,
    };
  }

  /** What `abort` with `compensate` would undo, newest first, as far as the world is as the record left it. `steps`: the code that is known here. */
  async undoPreview(jobId: string, steps: ReadonlyMap<string, StepImplementation>): Promise<readonly UndoPreview[]> {
    const plan = await UndoPlan.of(this.#ledger, jobId);
    return plan.items(this.#ledger, jobId, steps).map((item) => {
      const { stepId, generation, seq, skip, compensates } = item;
      const implementation = steps.get(item.step);
      const own = !compensates ? false : implementation === undefined ? null : implementation.compensate !== undefined;
      const record = seq === null ? undefined : this.#ledger.stepRecord(tokenOf({ jobId, stepId, generation }))?.record;
      const inForce = [...(record?.effects.entries() ?? [])]
        .reverse()
        .flatMap(([place, { effect, outcome }]) =>
          outcome === 'applied' && effect.kind !== 'perform' && !skip.includes(place) ? [effect] : [],
        );
      const stays = own === true ? [] : inForce.filter((effect) => effect.kind === 'sql' && effect.undo === undefined);
      const calls = own === true || !compensates ? [] : callsOf(this.#ledger, jobId, stepId);
      return {
        stepId,
        generation,
        compensates: own,
        undoes: inForce
          .filter((effect) => !stays.includes(effect))
          .map((effect) => uriOf(effect) ?? describeEffect(effect)),
        leaves: [
          ...stays.map((effect) => ({ what: describeEffect(effect), why: 'the statement has no undo' })),
          ...calls.map((row) => ({
            what: resourceOfCall(row),
            why:
              own === null
                ? 'a call cannot be undone by itself; whether the step has a compensation is not known here'
                : 'a call cannot be undone by itself, and the step has no compensation',
          })),
        ],
      };
    });
  }

  /** Can each database of a job be reached, and has it the term that the record has? */
  async databases(jobId: string): Promise<readonly DatabaseInspection[]> {
    const { settings, term, state } = this.#ledger.job(jobId)!;
    return await Promise.all(
      Object.keys(settings.databases)
        .sort()
        .map(async (name): Promise<DatabaseInspection> => {
          try {
            const database = await this.#opened().database(name, settings);
            const [identity, fence] = [await database.identity(), await database.fence(jobId)];
            const expected = state === 'released' ? 'at least' : 'exactly';
            const isRight = fence !== undefined && (state === 'released' ? fence.term >= term : fence.term === term);
            const problem =
              isRight || term === 0
                ? undefined
                : fence === undefined
                  ? 'it knows nothing of this job: it was put back to an earlier state, or is another database'
                  : `it has term ${fence.term} of this job; ${expected} ${term} is recorded`;
            return {
              name,
              dialect: database.dialect,
              reachable: true,
              identity: identity.name,
              ...(fence === undefined ? {} : { fenceTerm: fence.term }),
              ...(problem === undefined ? {} : { problem }),
            };
          } catch (error) {
            if (!(error instanceof HoldfastError)) throw error;
            return { name, reachable: false, problem: this.#opened().secrets.redact(error.message) };
          }
        }),
    );
  }

  async #compare(
    jobId: string,
    steps: ReadonlyMap<string, StepImplementation>,
    unknown: readonly string[],
    onProgress: ((done: number, total: number) => void) | undefined,
  ): Promise<Comparison> {
    const { settings, at } = this.#ledger.job(jobId)!;
    const manifest = this.#ledger.manifest(jobId);
    this.#opened().secrets.know(settings);
    for (const step of unknown) manifest.delete(formatResource({ kind: 'code', step }));
    return await compare({
      host: { steps, env: this.#env },
      workspace: this.#opened(),
      settings,
      jobId,
      ledger: this.#ledger,
      at,
      manifest,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  }

  async #renewLedger(): Promise<void> {
    this.#ledger.close();
    this.#ledger = await copyLedger(this.root, this.#copies);
  }

  #opened(): Workspace {
    return (this.#workspace ??= new Workspace(this.root, this.#env));
  }
}

function unknownCode(ledger: Ledger, jobId: string, steps: ReadonlyMap<string, StepImplementation>): readonly string[] {
  return [...ledger.manifest(jobId).keys()]
    .filter((resource) => resource.startsWith('code:'))
    .map((resource) => resource.slice('code:'.length))
    .filter((step) => !steps.has(step));
}

/** SQLite's main file and its log, both as they were at one moment. */
async function copyLedger(root: string, copies: string): Promise<Ledger> {
  const source = join(root, HOLDFAST_DIRECTORY, LEDGER_FILE);
  const folder = mkdtempSync(join(copies, 'copy-'));
  for (let copy = 1; ; copy++) {
    const before = stampOf(source);
    for (const suffix of ['', '-wal']) {
      rmSync(join(folder, `${LEDGER_FILE}${suffix}`), { force: true });
      if (existsSync(`${source}${suffix}`)) copyFile(`${source}${suffix}`, join(folder, `${LEDGER_FILE}${suffix}`));
    }
    if (stampOf(source) === before) return Ledger.open(folder, { create: false });
    if (copy === MAX_COPIES)
      throw new HoldfastError('busy', `The record in ${root} is written all the time; no copy of it could be taken.`, {
        folder: root,
      });
    await delay(20);
  }
}

function copyFile(from: string, to: string): void {
  try {
    copyFileSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The log goes when the last worker ends; the stamp then tells that the copy is none.
    if (code === 'ENOENT') return;
    if (code === 'EACCES' || code === 'EPERM')
      throw new HoldfastError(
        'permission-denied',
        `${from} cannot be read (${code}).`,
        { path: from },
        { cause: error },
      );
    throw error;
  }
}

function stampOf(source: string): string {
  return [source, `${source}-wal`]
    .map((file) => {
      const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? '-' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
    })
    .join(' ');
}
