/** What is said of a file's other names (hard links), which a change of one of them leaves behind. */
import { namesBefore, type Effect } from './effect.ts';

/** Undefined: it has none. `does`: what they do, of one. */
export function otherNames(names: number, does: 'keeps' | 'is'): string | undefined {
  if (names < 2) return undefined;
  if (names === 2) return `its other name (hard link) ${does}`;
  return `its ${names - 1} other names (hard links) ${does === 'is' ? 'are' : 'keep'}`;
}

/** What no undoing of the effect brings back. Undefined: the file had one name. */
export function whyNotJoined(effect: Effect): string | undefined {
  const others = otherNames(namesBefore(effect), 'is');
  return others === undefined ? undefined : `it is a file of its own now: ${others} not joined with it again`;
}
