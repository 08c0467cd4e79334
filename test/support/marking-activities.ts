/** An Activity of a user's own. */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const LASTS_MS = 4_000;

/** Adds a line that it has begun, and another that it has ended. */
export async function markAndWait(marks: string): Promise<void> {
  appendFileSync(marks, 'begun\n');
  await delay(LASTS_MS);
  appendFileSync(marks, 'ended\n');
}
