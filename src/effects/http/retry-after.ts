/** When the other side wants to be asked again: `Retry-After`, in seconds or as a date (RFC 9110). Pure but for the clock given. */

/** Whoever names a later time is asked after this one. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;
/** And who says "at once", or names a time that has passed here: nothing else slows the attempts, and an Activity whose next attempt is in no time Temporal's server ends for good. */
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
