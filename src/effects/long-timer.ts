/**
 * A timer of any length. Node's own ends at 2³¹ − 1 milliseconds (24.8 days): a longer one fires at once, so that what
 * was given the longest time would get none.
 */
const MAX_STRETCH_MS = 2 ** 31 - 1;

export interface LongTimer {
  end(): void;
}

/** Calls `onOver` once, after `durationMs`, unless it is ended before. Keeps no process alive. */
export function longTimer(durationMs: number, onOver: () => void): LongTimer {
  let timer: NodeJS.Timeout;
  const wait = (remainingMs: number): void => {
    const stretchMs = Math.min(remainingMs, MAX_STRETCH_MS);
    const isLast = stretchMs === remainingMs;
    timer = setTimeout(() => (isLast ? onOver() : wait(remainingMs - stretchMs)), stretchMs).unref();
  };
  wait(durationMs);
  return { end: () => clearTimeout(timer) };
}
