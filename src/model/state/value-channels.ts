/** Channels that hold one value: `replace`, `sum`, `min`, `max`, and reducers of one's own. */
import { canonicalJson, type Json } from '../canonical-json.ts';
import { frozenCopy } from '../frozen-copy.ts';
import { Misfit, sizeOf, type Channel, type Undo } from './channel.ts';
import { compareText } from './json-order.ts';
import type { OwnReducer } from './reducer.ts';

/** Of what is held and what is written the new value. @throws Misfit */
type Join = (held: Json, written: Json) => Json;

class ValueChannel implements Channel {
  readonly parts?: (written: Json) => ReadonlyMap<string, Json>;
  readonly #join: Join;
  #value: Json;
  #sizeBytes: number;

  constructor(join: Join, initial: Json, parts?: (written: Json) => ReadonlyMap<string, Json>) {
    this.#join = join;
    this.#value = initial;
    this.#sizeBytes = sizeOf(initial);
    if (parts !== undefined) this.parts = parts;
  }

  get value(): Json {
    return this.#value;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  write(written: Json): Undo {
    const [value, sizeBytes] = [this.#value, this.#sizeBytes];
    const next = this.#join(value, written);
    this.#sizeBytes = sizeOf(next);
    this.#value = next;
    return () => {
      this.#value = value;
      this.#sizeBytes = sizeBytes;
    };
  }
}

/** What is written takes the place of what is held. */
export function replaceChannel(initial: Json): Channel {
  return new ValueChannel(
    (_, written) => written,
    initial,
    (written) => new Map([['', written]]),
  );
}

/** Numbers are added. @throws Misfit, for an initial value that is no number */
export function sumChannel(initial: Json): Channel {
  return new ValueChannel((held, written) => {
    const sum = (held as number) + numberOf(written);
    if (!Number.isFinite(sum)) throw new Misfit('a sum within what a number can hold', written);
    return sum;
  }, numberOf(initial));
}

/** The smaller (`sign` 1) or the larger (-1) stays: of numbers, or of texts by their code units, never of both. */
export function extremeChannel(sign: 1 | -1, initial: Json): Channel {
  const join: Join = (held, written) => {
    if (typeof written !== 'number' && typeof written !== 'string') throw new Misfit('a number or text', written);
    if (held === null) return written;
    if (typeof held !== typeof written)
      throw new Misfit(typeof held === 'number' ? 'a number, as it holds one' : 'text, as it holds one', written);
    const order =
      typeof held === 'number' ? held - (written as number) : compareText(held as string, written as string);
    return order * sign <= 0 ? held : written;
  };
  return new ValueChannel(join, initial === null ? null : join(null, initial));
}

/** @param reduce sees both values; what it returns is held, and must be plain JSON */
export function ownChannel(name: string, reduce: OwnReducer, initial: Json): Channel {
  return new ValueChannel((held, written) => {
    let next: Json;
    try {
      next = reduce(held, written);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Misfit(`something that the reducer "${name}" takes; it threw: ${why}`, written, { cause });
    }
    try {
      canonicalJson(next, 'it');
    } catch (cause) {
      const why = (cause as Error).message.replace(/\.$/, '');
      throw new Misfit(`plain JSON from the reducer "${name}", returned and not promised; ${why}`, next, { cause });
    }
    // Whoever made it can't change it afterwards.
    return frozenCopy(next);
  }, initial);
}

function numberOf(value: Json): number {
  if (typeof value === 'number') return value;
  throw new Misfit('a number', value);
}
