/** The other side of a call: it knows a key, and with one that it has seen nothing happens again. */
import { appendFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** @param outside where each effect is a file, of as many bytes as it happened times */
export function chargeOnce(outside: string, key: string): string {
  const effect = join(outside, `effect-${key}`);
  // A file that is made and has nothing in it yet is no effect: making and writing it are two acts.
  if (!existsSync(effect) || statSync(effect).size === 0) appendFileSync(effect, '.');
  return 'charged';
}
