/**
 * Who a process is, beyond its number. Whether one whose files are left is dead is told by a lock (life.ts); this tells
 * who has it, and judges where there is none.
 *
 * Invariants
 * 1. Two identities are equal only if they are one process: numbers are used again, so start time, boot and (on Linux)
 *    the namespace in which the number counts belong to it. The host's name is for people: it changes with the network,
 *    and each container has its own.
 * 2. `isAlive` is true only for what was proved, `isGone` likewise. Of another namespace nothing can be proved, nor of
 *    a boot that is not known.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import * as z from 'zod';

export const ProcessIdentitySchema = z.strictObject({
  pid: z.int().min(1),
  /** As the system states it (Linux: clock ticks since boot); compared, never computed with. */
  startTime: z.string(),
  bootId: z.string(),
  /** For people. */
  host: z.string(),
  /** Where the number counts. Containers on one host count apart. */
  pidNamespace: z.string(),
});
export type ProcessIdentity = z.infer<typeof ProcessIdentitySchema>;

/** The process that calls. Never changes, so it is read once. */
export function thisProcess(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? unknown(),
    bootId: readBootId(),
    host: hostname(),
    pidNamespace: readPidNamespace(),
  };
  return own;
}

/** Is this very process running, here, now? A zombie is not: it has let go of everything that it held. */
export function isAlive(identity: ProcessIdentity): boolean {
  return countsHere(identity) && startTimeOf(identity.pid) === identity.startTime;
}

/** Has this very process ended for certain: here, or with an earlier boot? */
export function isGone(identity: ProcessIdentity): boolean {
  return countsHere(identity) ? startTimeOf(identity.pid) !== identity.startTime : isOfEarlierBoot(identity);
}

/** Can this process see that one: the same boot, the same numbering? */
export function countsHere(identity: ProcessIdentity): boolean {
  const self = thisProcess();
  return identity.bootId === self.bootId && identity.pidNamespace === self.pidNamespace;
}

export function sameProcess(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.bootId === b.bootId && a.pidNamespace === b.pidNamespace;
}

// What a process is cannot change while it runs; no test needs to replace it.
let own: ProcessIdentity | undefined;

const UNKNOWN = 'unknown-';

function isOfEarlierBoot({ bootId }: ProcessIdentity): boolean {
  const self = thisProcess();
  return bootId !== self.bootId && ![bootId, self.bootId].some((id) => id.startsWith(UNKNOWN));
}

/** What nobody else has: it proves nothing about anybody. */
function unknown(): string {
  return `${UNKNOWN}${randomUUID()}`;
}

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
    // Nobody else can then be proved to share this boot, nor to be of an earlier one.
    return unknown();
  }
}

function readPidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    // Linux without /proc; other systems have one numbering.
    return process.platform === 'linux' ? unknown() : '';
  }
}
