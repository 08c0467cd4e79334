/** Where a process of the tests ends itself by SIGKILL: part of the order that it gets. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export interface Kill {
  readonly point: string;
  readonly hit: number;
}

export interface Killing {
  /** At this hit of this point, counted from 1; with `killed` only while no process was killed before. */
  readonly kill?: Kill;
  /** The first process at the first of these, the second at the second one, … Needs `killed`. */
  readonly kills?: readonly Kill[];
  /** At the first hit of each of these points, or of every point; one point a process. Needs `killed`. */
  readonly killOnceAt?: readonly string[] | 'every point';
  /** A file that gets a line for each point at which a process was killed. */
  readonly killed?: string;
  /** A file that gets a line for each point that is hit. */
  readonly hits?: string;
}

/** For `setFaultHook`. */
export function killingHook({ kill, kills, killOnceAt = [], killed, hits }: Killing): (point: string) => void {
  const before = killed === undefined ? [] : linesOf(killed);
  const over = new Set(before);
  const own = kills === undefined ? kill : kills[before.length];
  let count = 0;
  const isTold = (point: string): boolean => {
    if (killOnceAt === 'every point' || killOnceAt.includes(point)) return !over.has(point);
    return point === own?.point && ++count === own.hit && (kills !== undefined || over.size === 0);
  };
  return (point) => {
    if (hits !== undefined) appendFileSync(hits, `${point}\n`);
    if (!isTold(point)) return;
    if (killed !== undefined) appendFileSync(killed, `${point}\n`);
    process.kill(process.pid, 'SIGKILL');
  };
}

/** Lines of a file; none if there is no file. */
export function linesOf(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
