/**
 * Who a process is, beyond its number, and a clock that also counts while the host sleeps.
 *
 * Invariants
 * 1. Two identities are equal only if they are one process: numbers are used again, so start time, boot, host and (on
 *    Linux) the namespace in which the number counts belong to it.
 * 2. `isAlive` is true only for what was proved. Another host, another boot or another namespace proves nothing: false.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { randomUUID } from 'node:crypto';
import * as z from 'zod';

export const ProcessIdentitySchema = z.strictObject({
  pid: z.int().min(1),
  /** As the system states it (Linux: clock ticks since boot); compared, never computed with. */
  startTime: z.string(),
  bootId: z.string(),
  host: z.string(),
  /** Where the number counts. Containers on one host count apart. */
  pidNamespace: z.string(),
});
export type ProcessIdentity = z.infer<typeof ProcessIdentitySchema>;

/** The process that calls. Never changes, so it is read once. */
export function thisProcess(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? `unknown-${randomUUID()}`,
    bootId: readBootId(),
    host: hostname(),
    pidNamespace: readPidNamespace(),
  };
  return own;
}

/** Is this very process running, here, now? A zombie is not: it has let go of everything that it held. */
export function isAlive(identity: ProcessIdentity): boolean {
  return isOnThisHost(identity) && startTimeOf(identity.pid) === identity.startTime;
}

/** Can this process judge that one: same host, same boot, same numbering? */
export function isOnThisHost(identity: ProcessIdentity): boolean {
  const self = thisProcess();
  return identity.host === self.host && identity.bootId === self.bootId && identity.pidNamespace === self.pidNamespace;
}

export function sameProcess(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return (
    a.pid === b.pid &&
    a.startTime === b.startTime &&
    a.bootId === b.bootId &&
    a.host === b.host &&
    a.pidNamespace === b.pidNamespace
  );
}

/**
 * Milliseconds since boot, time asleep included (CLOCK_BOOTTIME; precise to 10 ms on Linux, 1 s elsewhere). Comparable
 * within one boot only: store it together with `thisProcess().bootId`.
 */
export function bootClockMs(): number {
  return Math.round(uptime() * 1000);
}

// What a process is cannot change while it runs; no test needs to replace it.
let own: ProcessIdentity | undefined;

/** Undefined: there is no such process (any more). */
function startTimeOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return startTimeByPs(pid);
  return procStat(pid)?.fields[19];
}

/**
 * What Linux tells of a process; `fields` from its state on (proc_pid_stat(5), field 3). Undefined: none, or a
 * zombie, which has let go of everything.
 */
export function procStat(pid: number): { readonly name: string; readonly fields: readonly string[] } | undefined {
  try {
    // The command's name stands in parentheses and may itself hold spaces and parentheses: fields count from the last
    // one.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const end = stat.lastIndexOf(')');
    const fields = stat.slice(end + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X'
      ? undefined
      : { name: stat.slice(stat.indexOf('(') + 1, end), fields };
  } catch {
    return undefined;
  }
}

function startTimeByPs(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
  } catch {
    return undefined;
  }
}

function readBootId(): string {
  try {
    if (process.platform === 'darwin')
      return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim();
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    // Nobody else can then be proved to share this boot.
    return `unknown-${randomUUID()}`;
  }
}

function readPidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
