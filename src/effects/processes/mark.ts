/**
 * What marks a command's processes, and how one is told by it: its session and group, a variable in its environment
 * that only the command's own processes have, or where it works.
 *
 * What cleared its environment, took a session of its own and works in another folder is not recognised.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { procStat } from '../../store/life/process-identity.ts';

/** The variable that marks a command's processes. */
export const MARKER_VARIABLE = 'HOLDFAST_COMMAND';

export interface CommandMark {
  /** Its value of `HOLDFAST_COMMAND`. */
  readonly marker: string;
  /** Its first process; undefined: no longer known. */
  readonly leader: number | undefined;
  /**
   * Its own folder: a process that works in it is the command's. Undefined: it works in a folder that is not its own.
   */
  readonly folder: string | undefined;
}

/** The name of the process that has this pid now, if it is one of the command's. Linux only. */
export function markedName(pid: number, { marker, leader, folder }: CommandMark): string | undefined {
  const stat = procStat(pid);
  if (stat === undefined) return undefined;
  const [, , group, session] = stat.fields;
  const isMarked =
    (leader !== undefined && (Number(group) === leader || Number(session) === leader)) ||
    hasMarker(pid, marker) ||
    (folder !== undefined && worksIn(pid, folder));
  return isMarked ? stat.name : undefined;
}

/** False also for a process of another user, whose environment can't be read: this worker could not kill it either. */
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
