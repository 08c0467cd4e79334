/**
 * Whether the world was compared lately enough to act on. What the job itself commits is no comparison: a busy job is
 * compared as often as an idle one.
 */
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { BootClock } from '../host.ts';
import type { VerificationReason } from '../../model/job/verify-world.ts';

/** Why the world must be compared before anything acts. */
export interface NotVerified {
  readonly reason: VerificationReason;
  readonly detail: string;
}

/** With a shorter wait the step for which the world was just compared would be too late for it already. */
const MIN_VERIFY_AFTER_MS = 500;

/**
 * What the request for which the world was just compared has, however short the job's `verifyAfterMs` and however slow
 * the machine.
 */
const ALLOWANCE_MS = 60_000;

/**
 * Since when the world counts as compared: since looking began, as what was looked at first may have changed since. Of
 * a comparison that takes longer than half of what the job allows, that half is left: a job with much to compare would
 * do nothing else.
 */
export function comparedSince(began: BootClock, ended: BootClock, verifyAfterMs: number): BootClock {
  return { ...began, bootMs: Math.max(began.bootMs, ended.bootMs - Math.floor(verifyAfterMs / 2)) };
}

/** `mark`: the comparison that the request was made after, if it was made because of one. */
export function whyNotFresh(job: JobRow, now: BootClock, mark?: number): NotVerified | undefined {
  if (job.fresh.bootId !== now.bootId)
    return {
      reason: 'too-long-since',
      detail: 'the host was started again since the world was last compared, or has another clock',
    };
  const minimumMs = mark === job.markOrdinal ? ALLOWANCE_MS : MIN_VERIFY_AFTER_MS;
  const verifyAfterMs = Math.max(job.settings.verifyAfterMs, minimumMs);
  const elapsedMs = now.bootMs - job.fresh.bootMs;
  // Never by one clock: a machine was put back to an earlier moment.
  if (elapsedMs < 0)
    return { reason: 'too-long-since', detail: "the host's clock is behind the moment of the last comparison" };
  if (elapsedMs > verifyAfterMs) {
    const elapsed = `${Math.round(elapsedMs / 1000)} s passed since the world was last compared`;
    const allowed = `the job allows ${Math.round(verifyAfterMs / 1000)} s`;
    return { reason: 'too-long-since', detail: `${elapsed}; ${allowed}` };
  }
  return undefined;
}
