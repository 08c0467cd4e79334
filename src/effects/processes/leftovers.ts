/**
 * The processes that a command has started and not ended: found by its mark, and killed.
 *
 * Invariants
 * 1. A process is killed only while it is proved to be the command's: a pid that is used again is looked at anew.
 * 2. On Linux. Elsewhere only the process group is known.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../model/failure.ts';
import { markedName, type CommandMark } from './mark.ts';
import { isGroupAlive, signalProcess } from './signal.ts';

export interface LeftoverProcess {
  readonly pid: number;
  readonly name: string;
}

const POLL_MS = 20;
const KILL_LIMIT_MS = 10_000;
const MAX_NAMES = 10;

/** Processes of the command that still run, apart from `except`. A few milliseconds. */
export function findLeftoverProcesses(mark: CommandMark, except: readonly number[] = []): readonly LeftoverProcess[] {
  if (process.platform !== 'linux') return groupOf(mark);
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid || except.includes(pid)) return [];
    const name = markedName(pid, mark);
    return name === undefined ? [] : [{ pid, name }];
  });
}

/** Waits until all have ended, at most so long. @returns those that still run */
export async function waitForLeftoverProcesses(
  mark: CommandMark,
  limitMs: number,
  except: readonly number[] = [],
): Promise<readonly LeftoverProcess[]> {
  const until = performance.now() + limitMs;
  for (;;) {
    const found = findLeftoverProcesses(mark, except);
    if (found.length === 0 || performance.now() >= until) return found;
    await delay(POLL_MS);
  }
}

/** Kills them until none runs. Safe to repeat. @throws HoldfastError `storage-failed` when that can't be done */
export async function killLeftoverProcesses(mark: CommandMark, except: readonly number[] = []): Promise<void> {
  const until = performance.now() + KILL_LIMIT_MS;
  for (;;) {
    const found = findLeftoverProcesses(mark, except);
    if (found.length === 0) return;
    if (performance.now() >= until) throw cannotBeKilled(found);
    for (const { pid } of found) signalProcess(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
}

/** As a message names them: `sleep (4711), sh (4712)`. */
export function namesOf(processes: readonly LeftoverProcess[]): string {
  const shown = processes
    .slice(0, MAX_NAMES)
    .map(({ pid, name }) => `${name} (${pid})`)
    .join(', ');
  return processes.length > MAX_NAMES ? `${shown} and ${processes.length - MAX_NAMES} more` : shown;
}

function groupOf({ leader }: CommandMark): readonly LeftoverProcess[] {
  return leader !== undefined && isGroupAlive(leader) ? [{ pid: -leader, name: 'its process group' }] : [];
}

function cannotBeKilled(found: readonly LeftoverProcess[]): HoldfastError {
  return new HoldfastError(
    'storage-failed',
    `Processes that a command left behind cannot be killed: ${namesOf(found)}. End them, then it goes on by itself.`,
    { pids: found.map(({ pid }) => pid) },
  );
}
