/** Processes of this machine, by their command lines. */
import { readdirSync, readFileSync } from 'node:fs';

/** Command lines of running processes that fulfil a condition. A process that ends meanwhile is left out. */
export function processesWhere(holds: (line: string) => boolean): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return holds(line) ? [line] : [];
      } catch {
        return [];
      }
    });
}

/** Does a process run whose whole command line is this? */
export function isRunning(line: string): boolean {
  return processesWhere((found) => found === line).length > 0;
}

/** Command lines that a pattern matches from start to end. */
export function processesWith(pattern: string): readonly string[] {
  const expression = new RegExp(`^${pattern}$`);
  return processesWhere((line) => expression.test(line));
}
