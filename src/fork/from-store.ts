/** A fork of a job that a store has, by the name that a person gives. */
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions } from '../model/options.ts';
import { findStoredJob } from '../protocol/checkpoint/found-job.ts';
import { makeFork } from './make-fork.ts';
import { OPTION_NAMES, type ForkOptions } from './options.ts';
import type { PreparedFork } from './prepared.ts';
import type { Env } from './source.ts';
import { withStoredJob, type StoredPlace } from './stored-source.ts';

/** How a fork is made from a store: as any, of a checkpoint that the store has. */
export interface StoredForkOptions extends Omit<ForkOptions, 'job' | 'at'> {
  /** The number of a checkpoint. Default: `@SEQ` of what is forked, else the newest. */
  readonly at?: number;
}

/** A checkpoint of a job in a store. */
export interface StoredAt extends StoredPlace {
  readonly at: number;
}

/**
 * @param from `STORE/JOB` or `STORE/JOB@SEQ`
 * @throws HoldfastError `bad-input`, `not-found`; `checkpoint-damaged`: the newest can't be read
 */
export async function storedCheckpoint(from: string, base: string, at: number | undefined): Promise<StoredAt> {
  const { store, jobId, place, location } = await findStoredJob(from, base, at);
  if (place !== undefined) return { store, jobId, base, at: place.seq };
  throw new HoldfastError(
    'checkpoint-damaged',
    `The newest checkpoint of ${jobId} in ${location} can't be read. Expected one that can: STORE/JOB@NUMBER.`,
    { nextStep: `Which can: holdfast doctor --store ${location}` },
  );
}

/** @param base where a relative folder of a store begins. @throws HoldfastError as `makeFork`, and the store's */
export async function makeForkFromStore(
  from: string,
  options: StoredForkOptions,
  { base, env }: { readonly base: string; readonly env: Env },
): Promise<PreparedFork> {
  const { job: _, ...names } = OPTION_NAMES;
  refuseUnknownOptions('forkStoredJob', options, names);
  const stored = await storedCheckpoint(from, base, options.at);
  const { at, jobId } = stored;
  return await withStoredJob(stored, { options: { ...options, at }, env }, async (folder, complete) =>
    // What a job only read no store has: it is asked about.
    makeFork(folder, { ...complete, job: jobId }, env, { leaveLost: true }),
  );
}
