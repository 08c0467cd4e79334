/**
 * An outage of seconds is no matter for a person: what can't be reached is looked at again by itself for a while.
 *
 * Invariant: nothing is held meanwhile: the lock is given back before each pause, and the world is compared as a whole
 * after it.
 */
import type { Finding } from '../../model/question/finding.ts';
import { tries, type PausePolicy } from '../../store/retry.ts';
import type { Caller, ProtocolHost } from '../host.ts';

/** After that a person is asked. */
export const OUTAGE_PATIENCE_MS = 30_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;

/** What could not be reached, found while the patience lasts. */
export class Outage extends Error {
  override readonly name = 'Outage';
}

/** @throws Outage where something could not be reached, which may pass */
export function refuseOutage(findings: readonly Finding[]): void {
  const away = findings.filter(({ kind }) => kind === 'unreachable');
  if (away.length > 0) throw new Outage(away.map(({ found }) => found.text).join('; '));
}

export interface PatientCall {
  readonly host: Pick<ProtocolHost, 'outagePatienceMs'>;
  readonly caller: Pick<Caller, 'signal' | 'progress'>;
  /** Somebody waits for the answer: no patience. */
  readonly isAwaited: boolean;
}

/** Works until no Outage is thrown, then, after the patience, once more. `mayWait`: an Outage may be thrown. */
export async function patiently<T>(
  { host, caller, isAwaited }: PatientCall,
  work: (mayWait: boolean) => Promise<T>,
): Promise<T> {
  const limitMs = isAwaited ? 0 : (host.outagePatienceMs ?? OUTAGE_PATIENCE_MS);
  if (limitMs > 0) {
    for await (const _count of tries(pausesWithin(limitMs), caller.signal)) {
      try {
        return await work(true);
      } catch (error) {
        if (!(error instanceof Outage)) throw error;
        caller.progress(`looked at again soon: ${error.message}`);
      }
    }
  }
  return await work(false);
}

function pausesWithin(limitMs: number): PausePolicy {
  return (count, elapsedMs) =>
    elapsedMs >= limitMs ? undefined : Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), MAX_PAUSE_MS, limitMs);
}
