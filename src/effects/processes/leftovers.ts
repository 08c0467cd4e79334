/**
 * What a command has started and not ended: found by its session and group, by a variable in its environment that only
 * its own processes have, or by where it works; and killed.
 *
 * Invariants
 * 1. A process is killed only while it is proved to be one of them: a pid that is used again is looked at anew.
 * 2. On Linux. Elsewhere only the process group is known.
 * What cleared its environment, took a session of its own and works in another folder is not found.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../model/failure.ts';
import { procStat } from '../../store/lock/process-identity.ts';

/** The variable that marks a command's processes. */
export const MARKER_VARIABLE = 'HOLDFAST_COMMAND';

export interface CommandMark {
  /** Its value of `HOLDFAST_COMMAND`. */
  readonly marker: string;
  /** Its first process; undefined: not known any more. */
  readonly leader: number | undefined;
  /** Its own folder: whoever works in it is one of them. Undefined: it works in a folder that others use. */
  readonly folder: string | undefined;
}

export interface Leftover {
  readonly pid: number;
  readonly name: string;
}

const POLL_MS = 20;
const KILL_LIMIT_MS = 10_000;

/** Processes of the command that still run, apart from `except`. A few milliseconds. */
export function findLeftovers(mark: CommandMark, except: readonly number[] = []): readonly Leftover[] {
  if (process.platform !== 'linux')
    return mark.leader !== undefined && isGroupAlive(mark.leader)
      ? [{ pid: -mark.leader, name: 'its process group' }]
      : [];
  const leftovers: Leftover[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || except.includes(pid)) continue;
    const found = leftoverAt(pid, mark);
    if (found !== undefined) leftovers.push(found);
  }
  return leftovers;
}

/** Waits until none is left, at most so long. */
export async function waitForLeftovers(
  mark: CommandMark,
  limitMs: number,
  except: readonly number[] = [],
): Promise<readonly Leftover[]> {
  const until = Date.now() + limitMs;
  for (;;) {
    const found = findLeftovers(mark, except);
    if (found.length === 0 || Date.now() >= until) return found;
    await delay(POLL_MS);
  }
}

/** Kills them until none is left. @throws HoldfastError `storage-failed` when that can't be done */
export async function killLeftovers(mark: CommandMark, except: readonly number[] = []): Promise<void> {
  const until = Date.now() + KILL_LIMIT_MS;
  for (let found = findLeftovers(mark, except); found.length > 0; found = findLeftovers(mark, except)) {
    if (Date.now() >= until)
      throw new HoldfastError(
        'storage-failed',
        `Processes that a command left behind cannot be killed: ${namesOf(found)}. End them, then it goes on by itself.`,
        { pids: found.map(({ pid }) => pid) },
      );
    for (const { pid } of found) signalProcess(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
}

export function namesOf(leftovers: readonly Leftover[]): string {
  const shown = leftovers
    .slice(0, 10)
    .map(({ pid, name }) => `${name} (${pid})`)
    .join(', ');
  return leftovers.length > 10 ? `${shown} and ${leftovers.length - 10} more` : shown;
}

/** One that has ended meanwhile is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function leftoverAt(pid: number, { marker, leader, folder }: CommandMark): Leftover | undefined {
  const stat = procStat(pid);
  if (stat === undefined) return undefined;
  const [, , group, session] = stat.fields;
  const isOurs =
    (leader !== undefined && (Number(group) === leader || Number(session) === leader)) ||
    hasMarker(pid, marker) ||
    (folder !== undefined && worksIn(pid, folder));
  return isOurs ? { pid, name: stat.name } : undefined;
}

/** One of another user can't be read: then it isn't ours to kill either. */
function hasMarker(pid: number, marker: string): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`);
    return environment.includes(`${MARKER_VARIABLE}=${marker}\0`);
  } catch {
    return false;
  }
}

function worksIn(pid: number, folder: string): boolean {
  try {
    const place = readlinkSync(`/proc/${pid}/cwd`);
    return place === folder || place.startsWith(`${folder}/`);
  } catch {
    return false;
  }
}

function isGroupAlive(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}
