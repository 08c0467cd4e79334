/** A process and all below it, by Linux's /proc: which they are, and what they have computed. */
import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts a process's time in hundredths of a second, whatever its kernel does within. */
const TICK_MS = 10;

/** Process ids; none where there is no /proc. */
export function withDescendants(root: number): readonly number[] {
  if (process.platform !== 'linux') return [];
  const parentOf = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? statOf(name) : undefined;
    if (fields !== undefined) parentOf.set(Number(name), Number(fields[1]));
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parentOf) if (parent === pid) found.push(child);
  return found;
}

export function isRunning(pid: number): boolean {
  return statOf(String(pid)) !== undefined;
}

/** Of all of them together, and of their children that have ended. */
export function cpuMsOf(pids: readonly number[]): number {
  const ticks = pids.flatMap((pid) => statOf(String(pid))?.slice(11, 15) ?? []);
  return TICK_MS * ticks.reduce((sum, some) => sum + Number(some), 0);
}

/** What follows the name of its program, which may hold anything; undefined: it has ended. */
function statOf(pid: string): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  } catch {
    return undefined;
  }
}
