/**
 * Checkpoints of a job whose state grows by 1 KiB with each: what one costs late in the job against early, and what all
 * of them take on disk against the state. No server: the notes of the super-steps are recorded many at a time.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { noteOf, type CheckpointNote } from '../../src/model/checkpoint/note.ts';
import type { JobSettings } from '../../src/model/job/settings.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { SealedJobs } from '../../src/protocol/checkpoint/seal-job.ts';
import { Workspace } from '../../src/protocol/workspace/workspace.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import type { Figure, FigureContext } from '../figure.ts';
import { median } from '../statistics.ts';
import { makeTemporaryDirectory, removeDirectory } from '../temporary-directory.ts';

const EARLY = 50;
const LATE = 5_000;
const NOTES_A_STEP = 100;
/** Of state that compression can do little about. */
const STATE_BYTES = 1_024;
const A_ROUND = 20;
const ROUNDS = 11;
const ALL = 1_000;

const pass = defineStep({ name: 'pass', input: z.object({}), output: z.object({}) });
const passing = implementStep(pass, async () => Promise.resolve({}));

/** A job of which only checkpoints matter, and the store that they are sealed to. */
class GrowingJob implements AsyncDisposable {
  readonly #root = makeTemporaryDirectory();
  readonly #job: TestJob;
  readonly #workspace: Workspace;
  readonly #sealed = new SealedJobs();
  #last: CheckpointNote | undefined;
  #count = 0;

  constructor() {
    const workspace = join(this.#root, 'job');
    mkdirSync(workspace);
    this.#job = openTestJob({ workspace, steps: [passing] as never });
    this.#workspace = new Workspace(workspace, {});
  }

  get count(): number {
    return this.#count;
  }

  get store(): string {
    return join(this.#root, 'store');
  }

  /** Records and seals checkpoints up to this number. */
  async growTo(count: number): Promise<void> {
    while (this.#count < count) {
      const first = this.#count;
      const notes = Array.from({ length: Math.min(NOTES_A_STEP, count - first) }, () => this.#note());
      await this.#job.step(pass, {}, { stepId: `s${first}`, uses: [], checkpoints: notes });
      await this.seal();
    }
  }

  /** One more. @returns how long its sealing takes, in milliseconds */
  async sealOne(): Promise<number> {
    const notes = [this.#note()];
    await this.#job.step(pass, {}, { stepId: `s${this.#count}`, uses: [], checkpoints: notes });
    const startedMs = performance.now();
    await this.seal();
    return performance.now() - startedMs;
  }

  async seal(): Promise<void> {
    const { jobId } = this.#job;
    const settings = await this.#settings();
    await this.#sealed.seal(this.#workspace, { jobId, workflowId: jobId, settings }, 'bench');
  }

  #kept: JobSettings | undefined;

  async #settings(): Promise<JobSettings> {
    this.#kept ??= await this.#workspace.exclusive('bench', (ledger) => ({
      ...ledger.job(this.#job.jobId)!.settings,
      checkpoint: { store: this.store },
    }));
    return this.#kept;
  }

  #note(): CheckpointNote {
    const step = this.#count - 1;
    const value = randomBytes((STATE_BYTES * 3) / 4).toString('base64');
    const note = noteOf({
      parent: this.#last?.digest ?? null,
      source: step < 0 ? 'input' : 'loop',
      step,
      tasks: [],
      next: [`s${step + 1}`],
      ...(step < 0 && { begins: { all: { reducer: 'append' } } }),
      writes: step < 0 ? [] : [{ node: `s${step}`, channel: 'all', reducer: 'append', value }],
    });
    this.#last = note;
    this.#count += 1;
    return note;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workspace.close();
    await this.#job.close();
    removeDirectory(this.#root);
  }
}

interface Stored {
  /** As the files say. */
  readonly bytes: number;
  /** As the disk says: whole blocks. */
  readonly diskBytes: number;
  /** Of the last files, in the middle. */
  readonly typical: number;
}

function storedIn(folder: string, last = A_ROUND): Stored {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const stats = files
    .map((file) => ({ name: file.name, stat: lstatSync(join(file.parentPath, file.name)) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    bytes: stats.reduce((sum, { stat }) => sum + stat.size, 0),
    diskBytes: stats.reduce((sum, { stat }) => sum + stat.blocks * 512, 0),
    typical: median(stats.slice(-last).map(({ stat }) => stat.size)),
  };
}

export const lateCheckpoint: Figure = {
  name: 'checkpoint-5000',
  what: 'sealing a checkpoint at step 5,000 against one at step 50, a state that grows by 1 KiB a step, into a folder',
  bound: 1.2,
  unit: '×',
  async measure({ isQuick, say }: FigureContext) {
    await using late = new GrowingJob();
    await late.growTo(LATE);
    const ratios: number[] = [];
    for (let round = 0; round < (isQuick ? 4 : ROUNDS); round++) {
      await using early = new GrowingJob();
      await early.growTo(EARLY);
      const [early50, late5000]: [number[], number[]] = [[], []];
      for (let count = 0; count < A_ROUND; count++) {
        if (count % 2 === 0) early50.push(await early.sealOne());
        late5000.push(await late.sealOne());
        if (count % 2 === 1) early50.push(await early.sealOne());
      }
      // The first one warms the code.
      if (round === 0) continue;
      const told = ([times, job]: [number[], GrowingJob]): string =>
        `${median(times).toFixed(2)} ms and ${storedIn(job.store).typical} bytes at step ${job.count}`;
      say(`  round ${round}: ${told([late5000, late])}, ${told([early50, early])}`);
      ratios.push(median(late5000) / median(early50));
    }
    return ratios;
  },
};

export const checkpointDisk: Figure = {
  name: 'checkpoint-disk',
  what: 'disk that 1,000 checkpoints of such a job take in a folder, in whole blocks, against its final state',
  bound: 5,
  unit: '×',
  async measure({ say }: FigureContext) {
    await using job = new GrowingJob();
    await job.growTo(ALL);
    const { bytes, diskBytes, typical } = storedIn(job.store);
    const state = (ALL - 1) * STATE_BYTES;
    say(`  ${bytes} bytes in files (${typical} in one), ${diskBytes} on disk; the state has ${state}`);
    return [diskBytes / state];
  },
};
