/**
 * A clock that also counts while the host sleeps. Its moments can be compared only where they are of one clock.
 *
 * Invariant: two processes of which one may read another clock have clocks of other names. A boot has one clock, unless
 * a container is shown an uptime of its own (LXCFS), or has a time namespace.
 */
import { readlinkSync } from 'node:fs';
import { uptime } from 'node:os';
import { thisProcess } from './process-identity.ts';

export interface BootMoment {
  /** The clock: the boot, and whose clock it is where the boot has several. */
  readonly bootId: string;
  /** Milliseconds, time asleep included (CLOCK_BOOTTIME; precise to 10 ms on Linux, 1 s elsewhere). */
  readonly bootMs: number;
}

/** The first time namespace of every Linux. */
const FIRST_TIME_NAMESPACE = 'time:[4026531834]';
/** Uptime is rounded. */
const ROUNDING_MS = 1_000;

export function bootMoment(): BootMoment {
  return { bootId: (clock ??= clockName(process.hrtime.bigint(), uptime())), bootMs: bootMs() };
}

let clock: string | undefined;

/** Where the three clocks stood when the uptime was asked for last. */
interface Asked {
  readonly bootMs: number;
  readonly monotonicMs: number;
  readonly wallMs: number;
}

let asked: Asked | undefined;

/** So long the time since then is told by the process's own clock. */
const ASKED_AGAIN_AFTER_MS = 100;
/** The process's clock stands still while the host sleeps, the wall clock doesn't: so far apart, it is asked anew. */
const MAX_APART_MS = 20;

/** Every step asks for it several times, and to ask the system opens a file. */
function bootMs(): number {
  const monotonicMs = performance.now();
  const wallMs = Date.now();
  const elapsedMs = monotonicMs - (asked?.monotonicMs ?? 0);
  const apartMs = wallMs - (asked?.wallMs ?? 0) - elapsedMs;
  if (asked === undefined || elapsedMs > ASKED_AGAIN_AFTER_MS || Math.abs(apartMs) > MAX_APART_MS)
    asked = { bootMs: uptime() * 1000, monotonicMs, wallMs };
  return Math.round(asked.bootMs + monotonicMs - asked.monotonicMs);
}

/**
 * @param monotonicNs a clock of the whole boot that stands still while the host sleeps: uptime is never behind it,
 *   unless it is counted from the start of a container
 */
export function clockName(monotonicNs: bigint, uptimeSeconds: number): string {
  const { bootId, pidNamespace } = thisProcess();
  const isOwnUptime = uptimeSeconds * 1000 < Number(monotonicNs / 1_000_000n) - ROUNDING_MS;
  return [bootId, ...(isOwnUptime ? [pidNamespace] : []), ...ownTimeNamespace()].join(' ');
}

function ownTimeNamespace(): readonly string[] {
  try {
    const namespace = readlinkSync('/proc/self/ns/time');
    return namespace === FIRST_TIME_NAMESPACE ? [] : [namespace];
  } catch {
    // Another system, or a kernel without time namespaces.
    return [];
  }
}
