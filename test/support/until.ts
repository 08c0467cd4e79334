/** Waiting for something to come about, with a bound. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const LIMIT_MS = 20_000;
const EVERY_MS = 50;
const MAX_SHOWN_CHARS = 3_000;

export interface Waiting {
  /** For the message of the failure. */
  readonly what?: string;
  /** Default: 20 s. */
  readonly limitMs?: number;
  /** Default: 50 ms. */
  readonly everyMs?: number;
}

/** What is looked for, as soon as it holds. Fails with what was seen last when the time is up. */
export async function until<T>(
  look: () => T | Promise<T>,
  holds: (value: T) => boolean,
  { what = 'what the test waits for', limitMs = LIMIT_MS, everyMs = EVERY_MS }: Waiting = {},
): Promise<T> {
  for (const endMs = Date.now() + limitMs; ; await delay(everyMs)) {
    const value = await look();
    if (holds(value)) return value;
    const seen = (): string => (JSON.stringify(value, null, 1) ?? 'nothing').slice(0, MAX_SHOWN_CHARS);
    assert.ok(Date.now() < endMs, `${what} did not come about within ${limitMs} ms; seen last: ${seen()}`);
  }
}

/** The first value that is found. */
export async function untilFound<T>(look: () => T | undefined | Promise<T | undefined>, waiting?: Waiting): Promise<T> {
  return (await until(look, (value) => value !== undefined, waiting)) as T;
}

/** Until a condition holds. */
export async function untilTrue(holds: () => boolean | Promise<boolean>, waiting?: Waiting): Promise<void> {
  await until(holds, (value) => value, waiting);
}
