/** `merge`: an object whose keys are written one by one. What stands under a key is replaced whole, never merged. */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { Json, JsonObject } from '../canonical-json.ts';
import { Misfit, sizeOf, type Channel, type Undo } from './channel.ts';
import { isObject } from './list-channels.ts';

export class MergeChannel implements Channel {
  readonly #held = new Map<string, { readonly value: Json; readonly sizeBytes: number }>();
  #entryBytes = 0;
  #value: JsonObject | undefined;

  /** @throws Misfit, for an initial value that is no object */
  constructor(initial: Json) {
    this.write(initial);
  }

  get value(): JsonObject {
    return (this.#value ??= Object.freeze(
      Object.fromEntries(Array.from(this.#held, ([key, { value }]) => [key, value])),
    ));
  }

  get sizeBytes(): number {
    return this.#entryBytes + 2 + Math.max(0, this.#held.size - 1);
  }

  write(written: Json): Undo {
    const undos = entriesOf(written).map(([key, value]) => this.#put(key, value));
    this.#value = undefined;
    return () => {
      for (const undo of undos.toReversed()) undo();
      this.#value = undefined;
    };
  }

  /** @throws Misfit */
  readonly parts = (written: Json): ReadonlyMap<string, Json> =>
    new Map(entriesOf(written).map(([key, value]) => [JSON.stringify(key), value]));

  #put(key: string, value: Json): Undo {
    const before = this.#held.get(key);
    const entryBytes = this.#entryBytes;
    const sizeBytes = utf8ToBytes(JSON.stringify(key)).length + 1 + sizeOf(value);
    this.#entryBytes += sizeBytes - (before?.sizeBytes ?? 0);
    this.#held.set(key, { value, sizeBytes });
    return () => {
      this.#entryBytes = entryBytes;
      if (before === undefined) this.#held.delete(key);
      else this.#held.set(key, before);
    };
  }
}

/** @throws Misfit */
function entriesOf(written: Json): readonly (readonly [string, Json])[] {
  if (isObject(written)) return Object.entries(written);
  throw new Misfit('an object, whose keys are merged', written);
}
