/**
 * A job in a store, found by the name that a person gives, and what starts it.
 *
 * Invariant: nothing is made or changed in the store.
 */
import type { Json } from '../../model/canonical-json.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { workflowIdOf } from '../../model/record/token.ts';
import { redactUrl } from '../../model/shown-url.ts';
import { readingsOf, type StoredJobName } from '../../model/stored-job-name.ts';
import { chooseStored, type StoredChoice } from './stored-choice.ts';
import type { StoredJob } from './load-job.ts';
import { openStore } from '../../store/sealed/open-store.ts';
import type { SealedStore } from '../../store/sealed/store.ts';

const MAX_NAMED = 20;

/** A job that a store has. */
export interface FoundJob {
  /** Where it lies, its password as `***`. */
  readonly location: string;
  /** The same as it was given, password and all. */
  readonly store: string;
  readonly jobId: string;
  readonly workflowId: string;
  /** Undefined: the newest. */
  readonly at: number | undefined;
  readonly choice: Exclude<StoredChoice, { kind: 'none' }>;
  /** What it is started with. */
  readonly started: { readonly type: string; readonly args: readonly Json[] };
  /** Of the checkpoint that it would go on from, if that can be read. */
  readonly place: ChainPlace | undefined;
  readonly later: readonly number[];
}

/**
 * @param from `STORE/JOB` or `STORE/JOB@SEQ`
 * @param at in place of `@SEQ`
 * @throws HoldfastError `bad-input`, `not-found` naming what there is; and what the store throws
 */
export async function findStoredJob(from: string, base: string, at?: number): Promise<FoundJob> {
  const readings = readingsOf(from);
  if (readings.length === 0)
    throw new HoldfastError(
      'bad-input',
      `"${redactUrl(from)}" names no job of a store. Expected STORE/JOB or STORE/JOB@SEQ, where STORE is a folder or ` +
        'postgres://user:password@host/database.',
    );
  let missed: HoldfastError | undefined;
  for (const reading of readings) {
    const found = await lookedUp(reading, base, at);
    if (!(found instanceof HoldfastError)) return found;
    missed ??= found;
  }
  throw missed!;
}

async function lookedUp(
  reading: StoredJobName,
  base: string,
  at: number | undefined,
): Promise<FoundJob | HoldfastError> {
  let store: SealedStore;
  try {
    store = openStore(reading.store, { base, create: false });
  } catch (error) {
    // Another reading of the name may be meant.
    if (isFailure(error, 'not-found', 'bad-input')) return error;
    throw error;
  }
  try {
    const series = await store.series();
    const named = series.filter((one) => one === reading.job || workflowIdOf(one) === reading.job);
    if (named.length === 1) return { store: reading.store, ...(await jobIn(store, named[0]!, at ?? reading.at)) };
    return named.length === 0 ? noJob(store, reading.job, series) : severalJobs(store, reading.job, named);
  } finally {
    await store.close();
  }
}

async function jobIn(store: SealedStore, jobId: string, at: number | undefined): Promise<Omit<FoundJob, 'store'>> {
  const choice = await chooseStored(store, jobId, at);
  if (choice.kind === 'none')
    throw new HoldfastError(
      'not-found',
      `There is no checkpoint ${at} of ${jobId} in ${store.location}. ` +
        `There are: ${choice.there.slice(-MAX_NAMED).join(', ')}.`,
      { jobId, at: at ?? null, there: choice.there.slice(-MAX_NAMED) },
    );
  const readable = choice.kind === 'job' ? choice.stored : choice.older;
  if (readable === undefined) throw noneReadable(store, jobId, choice);
  const started = startedWith(readable);
  if (started === undefined)
    throw new HoldfastError(
      'not-found',
      `The checkpoints of ${jobId} in ${store.location} do not say what started it: its arguments have more than ` +
        '500 kB, or its Workflow noted no checkpoint of its input.',
      { jobId },
    );
  return {
    location: store.location,
    jobId,
    workflowId: readable.checkpoint.workflowId,
    at,
    choice,
    started,
    place: choice.kind === 'job' ? choice.stored.checkpoint.place : undefined,
    later: choice.kind === 'job' ? choice.later : [],
  };
}

function startedWith({ chain }: StoredJob): FoundJob['started'] | undefined {
  for (const { record } of chain) if (record.kind === 'checkpoint' && record.job !== undefined) return record.job;
  return undefined;
}

function noneReadable(store: SealedStore, jobId: string, choice: StoredChoice): HoldfastError {
  const why = choice.kind === 'unreadable' ? ` ${choice.unreadable[0]!.failure.message}` : '';
  return new HoldfastError(
    'checkpoint-damaged',
    `No checkpoint of ${jobId} in ${store.location} can be read, so that nothing can be started from it.${why}`,
    { jobId, nextStep: 'Look at each: holdfast checkpoints --inspect FILE. Nothing was changed.' },
  );
}

function noJob(store: SealedStore, job: string, series: readonly string[]): HoldfastError {
  const more = series.length > MAX_NAMED ? ` and ${series.length - MAX_NAMED} more` : '';
  return new HoldfastError(
    'not-found',
    `There is no job "${job}" in ${store.location}. ` +
      (series.length === 0 ? 'There is none.' : `There are: ${series.slice(0, MAX_NAMED).join(', ')}${more}.`),
    { job, store: store.location, there: series.slice(0, MAX_NAMED) },
  );
}

function severalJobs(store: SealedStore, job: string, named: readonly string[]): HoldfastError {
  return new HoldfastError(
    'bad-input',
    `Several jobs of ${store.location} are named "${job}". Expected one of: ${named.slice(0, MAX_NAMED).join(', ')}.`,
    { job, there: named.slice(0, MAX_NAMED) },
  );
}
