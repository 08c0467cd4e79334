/**
 * When an endpoint takes the next request: `Retry-After`, in seconds or as a date (RFC 9110). Pure but for the clock
 * given.
 */

/** A later time counts as this one. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;
/**
 * "At once", or a time that has passed by this clock, counts as this one: nothing else slows the attempts, and
 * Temporal's server ends an Activity for good whose next attempt is due in no time.
 */
export const MIN_RETRY_AFTER_MS = 1_000;

/** Milliseconds from now; undefined for a header that is missing or says nothing. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,15}$/.test(text)) return bounded(Number(text) * 1000);
  // A date of HTTP begins with the day's name; `Date.parse` takes much more.
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : bounded(atMs - nowMs);
}

function bounded(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, MIN_RETRY_AFTER_MS), MAX_RETRY_AFTER_MS);
}
