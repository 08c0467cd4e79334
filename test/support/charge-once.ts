/** The other side of a call: it knows a key, and with one that it has seen nothing happens again. */
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';

/** @param outside where each effect is a file, of as many bytes as it happened times */
export function chargeOnce(outside: string, key: string): string {
  const effect = join(outside, `effect-${key}`);
  if (!existsSync(effect)) appendFileSync(effect, '.');
  return 'charged';
}
