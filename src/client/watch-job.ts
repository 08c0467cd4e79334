/** A job's status whenever it changes. */
import { setTimeout as delay } from 'node:timers/promises';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { JobStatus } from '../model/job/status.ts';
import { hasEnded, type ListedJob } from './job-listing.ts';
import type { WatchOptions } from './job-types.ts';
import { isNoJobYet } from './no-job.ts';

const WATCH_EVERY_MS = 500;

export interface WatchedJob {
  describe(): Promise<ListedJob>;
  status(): Promise<JobStatus>;
}

/** The status now and whenever it has changed, until the job has ended. @throws HoldfastError `not-found` */
export async function* watchJob(job: WatchedJob, options: WatchOptions): AsyncGenerator<JobStatus, void, undefined> {
  const { signal, intervalMs = WATCH_EVERY_MS } = options;
  let shown = '';
  let isTroubled = false;
  while (signal?.aborted !== true) {
    const { state } = await job.describe();
    const isOver = hasEnded(state);
    try {
      const status = await job.status();
      isTroubled = false;
      const text = JSON.stringify(status);
      if (text !== shown) yield status;
      shown = text;
    } catch (error) {
      if (!(error instanceof HoldfastError) || !(error.retryable || isNoJobYet(error))) throw error;
      if (isOver && !isNoJobYet(error)) throw error;
      if (!isTroubled && !isOver) options.onTrouble?.(error);
      isTroubled = true;
    }
    if (isOver) return;
    await delay(intervalMs, undefined, defined({ signal })).catch(() => undefined);
  }
}
