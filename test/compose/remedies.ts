/** What a person can do about what the engine says, where its own words don't tell. */
import os from 'node:os';

const REMEDIES: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [
    /no space left on device|ENOSPC|disk quota exceeded/i,
    `The disk is full. An engine of the test's own keeps its data in ${os.tmpdir()}: free 3 GB there, or ` +
      'set TMPDIR to a folder that has them. An engine that was running has its own place (`docker info`, Docker ' +
      'Root Dir; `docker system df` says what takes it).',
  ],
  [
    /port is already allocated|address already in use/i,
    'Another program has taken a port that was free when the test began: run it again.',
  ],
];

/** To be put behind the message; empty where nothing is known. */
export function remedyOf(message: string): string {
  const found = REMEDIES.find(([pattern]) => pattern.test(message));
  return found === undefined ? '' : `\nNext: ${found[1]}`;
}
