/**
 * What a waiter can say of a holder that stands still and that nobody ends from here: one in another container, or of
 * another user. For people only: nothing is done to a process because of it.
 */
import { countsHere, isGone } from '../life/process-identity.ts';
import { lastSignOf, readHolders, type Holder } from './holder-file.ts';

const MAX_NAMED = 3;

/** @param stillMs for how long a beat that stands still is no sign of anything */
export function silenceText(directory: string, holder: Holder | undefined, stillMs: number): string {
  const suspects = (holder === undefined ? readHolders(directory) : [holder]).filter(isOutOfReach);
  const silent = suspects.flatMap((suspect) => {
    const sign = lastSignOf(directory, suspect.identity);
    return sign !== undefined && sign.agoMs > stillMs ? [{ ...suspect, sign: sign.at }] : [];
  });
  if (silent.length === 0) return '';
  const [{ identity, sign }] = silent as [(typeof silent)[number]];
  const names = silent.slice(0, MAX_NAMED).map((one) => `process ${one.identity.pid} on ${one.identity.host}`);
  const who = holder === undefined ? `Who holds it is not told; it may be ${names.join(' or ')}. ` : '';
  const where = countsHere(identity) ? ", as another user's" : ', in a container of its own';
  const { pid, host } = identity;
  return (
    ` ${who}It lives, since the system keeps its lock, but its last sign was at ${sign.toISOString()}: ` +
    `it stands still (stopped or paused)${where}, and cannot be ended from here. Let it go on there ` +
    `(kill -CONT ${pid}, docker unpause), or end it there (kill -KILL ${pid}, or stop the container ${host}); ` +
    'the job then goes on by itself.'
  );
}

/** It lives for all that is known, and no waiter of this process ends it: one here that stands still is ended. */
function isOutOfReach({ identity }: Holder): boolean {
  return !isGone(identity) && !(countsHere(identity) && maySignal(identity.pid));
}

function maySignal(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
