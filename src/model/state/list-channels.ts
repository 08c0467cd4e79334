/** Channels that hold a list: `append`, `set`, and `merge` with `by`. */
import { canonicalJson, type Json, type JsonObject } from '../canonical-json.ts';
import { isList } from '../list.ts';
import { Misfit, sizeOf, type Channel, type Undo } from './channel.ts';
import { compareJson } from './json-order.ts';

/** The items that are written: those of a list one by one, any other value as one. */
function itemsOf(written: Json): readonly Json[] {
  return isList(written) ? written : [written];
}

/** @throws Misfit */
function listOf(initial: Json): readonly Json[] {
  if (isList(initial)) return initial;
  throw new Misfit('a list', initial);
}

/** `[`, `]` and the commas. */
function bracketsOf(count: number): number {
  return 2 + Math.max(0, count - 1);
}

/** Items are added at the end. */
export class AppendChannel implements Channel {
  readonly #items: Json[];
  #itemBytes = 0;
  #value: readonly Json[] | undefined;

  /** @throws Misfit, for an initial value that is no list */
  constructor(initial: Json) {
    this.#items = [...listOf(initial)];
    for (const item of this.#items) this.#itemBytes += sizeOf(item);
  }

  get value(): readonly Json[] {
    return (this.#value ??= Object.freeze([...this.#items]));
  }

  get sizeBytes(): number {
    return this.#itemBytes + bracketsOf(this.#items.length);
  }

  write(written: Json): Undo {
    const [count, itemBytes] = [this.#items.length, this.#itemBytes];
    for (const item of itemsOf(written)) {
      this.#items.push(item);
      this.#itemBytes += sizeOf(item);
    }
    this.#value = undefined;
    return () => {
      this.#items.length = count;
      this.#itemBytes = itemBytes;
      this.#value = undefined;
    };
  }
}

interface Keyed {
  readonly item: Json;
  readonly sizeBytes: number;
}

/** What holds each item under a key of its own. */
abstract class KeyedChannel implements Channel {
  readonly #held = new Map<string, Keyed>();
  #itemBytes = 0;
  #value: readonly Json[] | undefined;

  /** @throws Misfit */
  protected abstract keyOf(item: Json): string;
  protected abstract ordered(items: Json[]): readonly Json[];

  get value(): readonly Json[] {
    return (this.#value ??= Object.freeze(this.ordered(Array.from(this.#held.values(), ({ item }) => item))));
  }

  get sizeBytes(): number {
    return this.#itemBytes + bracketsOf(this.#held.size);
  }

  write(written: Json): Undo {
    const entries = itemsOf(written).map((item) => [this.keyOf(item), item] as const);
    const undos = entries.map(([key, item]) => this.#put(key, item));
    this.#value = undefined;
    return () => {
      for (const undo of undos.toReversed()) undo();
      this.#value = undefined;
    };
  }

  #put(key: string, item: Json): Undo {
    const before = this.#held.get(key);
    const itemBytes = this.#itemBytes;
    const sizeBytes = sizeOf(item);
    this.#itemBytes += sizeBytes - (before?.sizeBytes ?? 0);
    // What is held keeps its place.
    this.#held.set(key, { item, sizeBytes });
    return () => {
      this.#itemBytes = itemBytes;
      if (before === undefined) this.#held.delete(key);
      else this.#held.set(key, before);
    };
  }
}

/** Each value once, told apart by its canonical text; ordered by `compareJson`: who wrote first never shows. */
export class SetChannel extends KeyedChannel {
  /** @throws Misfit, for an initial value that is no list */
  constructor(initial: Json) {
    super();
    this.write(listOf(initial));
  }

  protected keyOf(item: Json): string {
    return canonicalJson(item);
  }

  protected ordered(items: Json[]): readonly Json[] {
    return items.sort(compareJson);
  }
}

/** Objects told apart by one field: a new one takes the place of the one with the same value there, or is added. */
export class MergeListChannel extends KeyedChannel {
  readonly #by: string;

  /** @throws Misfit, for an initial value that is no list of such objects */
  constructor(by: string, initial: Json) {
    super();
    this.#by = by;
    this.write(listOf(initial));
  }

  protected keyOf(item: Json): string {
    const by = this.#by;
    const key = isObject(item) && Object.hasOwn(item, by) ? item[by] : undefined;
    if (typeof key === 'string' || typeof key === 'number') return canonicalJson(key);
    throw new Misfit(`objects with text or a number in "${by}"`, item);
  }

  protected ordered(items: Json[]): readonly Json[] {
    return items;
  }

  override write(written: Json): Undo {
    this.parts(written);
    return super.write(written);
  }

  /** @throws Misfit, also where one write has two objects of one name: one of them would be lost without a word */
  readonly parts = (written: Json): ReadonlyMap<string, Json> => {
    const parts = new Map<string, Json>();
    for (const item of itemsOf(written)) {
      const key = this.keyOf(item);
      if (parts.has(key)) throw new Misfit(`each "${this.#by}" once; ${key} is there twice`, written);
      parts.set(key, item);
    }
    return parts;
  };
}

export function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value);
}
