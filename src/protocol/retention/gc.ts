/**
 * Cleans up below a folder: records of jobs that have ended, as their plans say, contents that no record names, old
 * checkpoints in the stores of the jobs that are there.
 *
 * Invariants
 * 1. First all archives, each read back; then the stores; then the records. What could not be archived is not removed,
 *    and neither is the record of a job whose store could not be cleaned up: it alone names that store.
 * 2. What goes wrong with one workspace or store takes nothing from the others; it is told.
 */
import { isAbsolute, join, resolve } from 'node:path';
import { counted } from '../../model/counted.ts';
import { referencedVariable } from '../../model/env-reference.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { isOver } from '../../model/retention.ts';
import { openStore } from '../../store/sealed/open-store.ts';
import { storeLocation } from '../workspace/store-location.ts';
import { Workspace } from '../workspace/workspace.ts';
import { collectBlobs } from './collect-blobs.ts';
import { collectStore, type CollectedStore } from './collect-store.ts';
import { archiveJob, archiveName, removeJob } from './retire-job.ts';
import { jobsIn, workspacesBelow, type EndedJob } from './workspaces.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface GcOptions {
  readonly env: Env;
  /** Nothing is removed and nothing is written. */
  readonly dryRun: boolean;
  /** In milliseconds since 1970. Default: now. */
  readonly nowMs?: number;
  /** So long a store's content is kept that nobody names. Default: a day. */
  readonly unusedForMs?: number;
  /** A store besides, as `openStore` takes it. */
  readonly store?: string;
  readonly onProgress?: (text: string) => void;
}

/** A record that was removed, or would be. */
export interface RetiredJob {
  readonly workflowId: string;
  readonly jobId: string;
  readonly workspace: string;
  readonly endedAt: string;
  readonly outcome: string;
  readonly records: number;
  /** Where its archive lies, or would. Absent: its plan names no folder for it. */
  readonly archive?: string;
}

/** What gc has done, or would do. */
export interface GcReport {
  readonly workspaces: number;
  /** Jobs whose record is kept. */
  readonly kept: number;
  readonly retired: readonly RetiredJob[];
  readonly contents: number;
  readonly sizeBytes: number;
  /** Workspaces whose contents were not looked at, with why. */
  readonly passedOver: readonly { readonly workspace: string; readonly why: string }[];
  readonly stores: readonly CollectedStore[];
  /** What could not be done; it is tried again by the next gc. */
  readonly problems: readonly GcProblem[];
}

/** What could not be done. */
export interface GcProblem {
  /** A workspace, a folder, a store. */
  readonly where: string;
  readonly what: string;
  /** What the person can do. */
  readonly next: string;
}

interface Found extends EndedJob {
  readonly folder: string;
}

/** Safe to repeat, beside running jobs, and after a kill. Workspaces are opened one at a time. */
export async function collectBelow(root: string, options: GcOptions): Promise<GcReport> {
  return await new Collection(root, options).run();
}

class Collection {
  readonly #root: string;
  readonly #options: GcOptions;
  readonly #retired: RetiredJob[] = [];
  readonly #passedOver: { workspace: string; why: string }[] = [];
  readonly #problems: GcProblem[] = [];
  readonly #stores: CollectedStore[] = [];
  /** Of stores, by their references: by job how many checkpoints stay. */
  readonly #keep = new Map<string, Map<string, number>>();
  #contents = 0;
  #sizeBytes = 0;

  constructor(root: string, options: GcOptions) {
    this.#root = root;
    this.#options = options;
  }

  async run(): Promise<GcReport> {
    const folders = workspacesBelow(this.#root, (folder, error) => this.#tell(folder, error));
    const ended: Found[] = [];
    for (const folder of folders) {
      this.#options.onProgress?.(`looked at ${counted(ended.length, 'job')} that have ended`);
      await this.#in(folder, async (workspace) => {
        const jobs = await jobsIn(workspace);
        ended.push(...jobs.ended.map((job) => ({ ...job, folder })));
        for (const { jobId, settings } of [...jobs.ended, ...jobs.others]) this.#noteStore(jobId, settings);
      });
    }
    const going: (readonly [Found, string | undefined])[] = [];
    for (const job of this.#over(ended))
      await this.#in(job.folder, async (workspace) => {
        const archived = await this.#archive(workspace, job);
        // Another gc was faster.
        if (archived === 'gone') return;
        going.push([job, archived.archive]);
        this.#options.onProgress?.(`${counted(going.length, 'record')} archived, or to be removed without`);
      });
    // What a record says of its checkpoints is known while it is there.
    for (const [{ jobId, settings }] of going) this.#noteStore(jobId, settings, 0);
    const { store } = this.#options;
    if (store !== undefined && !this.#keep.has(store)) this.#keep.set(store, new Map());
    const cleaned = new Set<string>();
    for (const [reference, keep] of this.#keep) if (await this.#collectStore(reference, keep)) cleaned.add(reference);
    for (const [job, archive] of going) {
      const { checkpoint } = job.settings;
      if (checkpoint === undefined || cleaned.has(checkpoint.store))
        await this.#in(job.folder, async (workspace) => await this.#retire(workspace, job, archive));
    }
    for (const folder of folders) await this.#in(folder, async (workspace) => await this.#collectContents(workspace));
    return {
      workspaces: folders.length,
      kept: ended.length - this.#retired.length,
      retired: this.#retired,
      contents: this.#contents,
      sizeBytes: this.#sizeBytes,
      passedOver: this.#passedOver,
      stores: this.#stores,
      problems: this.#problems,
    };
  }

  get #nowMs(): number {
    return this.#options.nowMs ?? Date.now();
  }

  /** The jobs whose time is over: the latest of each plan stay as its settings say. */
  #over(ended: readonly Found[]): readonly Found[] {
    const nowMs = this.#nowMs;
    return [...Map.groupBy(ended, ({ settings }) => settings.plan?.name ?? '').values()].flatMap((jobs) =>
      jobs
        .toSorted((a, b) => Date.parse(b.endedAt) - Date.parse(a.endedAt))
        .filter(({ settings, endedAt }, newer) => {
          const { retention } = settings;
          return retention !== undefined && isOver(retention, { agoMs: nowMs - Date.parse(endedAt), newer });
        }),
    );
  }

  #noteStore(jobId: string, { checkpoint }: JobSettings, keep = checkpoint?.keep): void {
    if (checkpoint === undefined) return;
    const jobs = this.#keep.get(checkpoint.store) ?? new Map<string, number>();
    this.#keep.set(checkpoint.store, jobs);
    if (keep !== undefined) jobs.set(jobId, keep);
  }

  /** Where it is archived, or would be. Undefined: its plan names no folder. */
  async #archive(workspace: Workspace, job: Found): Promise<{ readonly archive: string | undefined } | 'gone'> {
    const archives = this.#archivesOf(job.settings);
    if (archives === undefined) return { archive: undefined };
    if (this.#options.dryRun) return { archive: join(archives, archiveName(job)) };
    const archive = await archiveJob(workspace, job, archives);
    return archive === undefined ? 'gone' : { archive };
  }

  async #retire(workspace: Workspace, job: Found, archive: string | undefined): Promise<void> {
    const { dryRun, onProgress } = this.#options;
    const { workflowId, jobId, endedAt, outcome, at, folder } = job;
    if (!dryRun && !(await removeJob(workspace, job))) return;
    const told = { workflowId, jobId, workspace: folder, endedAt, outcome, records: at.seq };
    this.#retired.push({ ...told, ...(archive !== undefined && { archive }) });
    onProgress?.(`${counted(this.#retired.length, 'record')} removed`);
  }

  /** @throws HoldfastError `missing-variable` */
  #archivesOf({ retention }: JobSettings): string | undefined {
    const given = retention?.archive;
    if (given === undefined) return undefined;
    const variable = referencedVariable(given);
    const folder = variable === undefined ? given : this.#options.env[variable];
    if (folder !== undefined && folder !== '') return isAbsolute(folder) ? folder : resolve(this.#root, folder);
    throw new HoldfastError(
      'missing-variable',
      `Records are archived where the environment variable ${variable} says, which is not set here. Nothing of them ` +
        'was removed.',
      { variable },
    );
  }

  async #collectContents(workspace: Workspace): Promise<void> {
    const { contents, sizeBytes, hindrance } = await collectBlobs(workspace, {
      dryRun: this.#options.dryRun,
      nowMs: this.#nowMs,
    });
    if (hindrance !== undefined) this.#passedOver.push({ workspace: workspace.root, why: hindrance });
    this.#contents += contents;
    this.#sizeBytes += sizeBytes;
  }

  async #collectStore(reference: string, keep: ReadonlyMap<string, number>): Promise<boolean> {
    return await this.#trying(`store ${reference}`, async () => {
      const { store: given, env } = this.#options;
      const location = reference === given ? given : storeLocation(reference, env);
      const store = openStore(location, { base: this.#root, create: false });
      try {
        this.#stores.push(await collectStore(store, { keep, ...this.#options }));
      } finally {
        await store.close();
      }
    });
  }

  async #in(folder: string, work: (workspace: Workspace) => Promise<void>): Promise<void> {
    await this.#trying(folder, async () => {
      const workspace = new Workspace(folder, this.#options.env);
      try {
        await work(workspace);
      } finally {
        await workspace.close();
      }
    });
  }

  /** False: it could not be done. */
  async #trying(where: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isFailure(error)) throw error;
      this.#tell(where, error);
      return false;
    }
  }

  #tell(where: string, { message, nextStep }: HoldfastError): void {
    this.#problems.push({ where, what: message, next: nextStep });
  }
}
