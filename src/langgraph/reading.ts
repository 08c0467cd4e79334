/**
 * The generations of one thread, read for one question.
 *
 * Invariants
 * 1. Nothing of a generation is used before the whole of it was found sound, and to be the one that was asked for.
 * 2. A value whose own generation can't be read is taken from the whole copy in the next one, never from parts.
 */
import { HoldfastError, isFailure } from '../model/failure.ts';
import { openSealed } from '../store/sealed/open.ts';
import { DocumentSchema, type Entry, type ThreadDocument, type Written } from './document.ts';
import { seriesOf, threadText, type ThreadName } from './names.ts';
import type { ThreadStore } from './patient-store.ts';

/** A generation, or why it can't be read. */
export type Read = { readonly document: ThreadDocument } | { readonly damage: HoldfastError };

/** Reads each generation once. */
export class Reading {
  readonly #store: ThreadStore;
  readonly #name: ThreadName;
  readonly #reads = new Map<number, Promise<Read>>();

  constructor(store: ThreadStore, name: ThreadName) {
    this.#store = store;
    this.#name = name;
  }

  /** @throws HoldfastError what the store throws; not for damage */
  async read(generation: number): Promise<Read> {
    const begun = this.#reads.get(generation);
    if (begun !== undefined) return begun;
    const read = readGeneration(this.#store, this.#name, generation);
    this.#reads.set(generation, read);
    return read;
  }

  /** Of a generation that the store doesn't have. */
  missing(generation: number): HoldfastError {
    return missing(this.#name, generation);
  }

  /** @throws HoldfastError `checkpoint-damaged`, `unknown-format` */
  async document(generation: number): Promise<ThreadDocument> {
    const read = await this.read(generation);
    if ('damage' in read) throw read.damage;
    return read.document;
  }

  /** The value of a channel that a generation holds. @throws HoldfastError `checkpoint-damaged` */
  async value(channel: string, generation: number): Promise<Written> {
    const read = await this.read(generation);
    const found = valueIn('damage' in read ? await this.#copyOf(generation) : read.document.entries, channel);
    if (found !== undefined) return found;
    throw 'damage' in read
      ? read.damage
      : damaged(this.#name, generation, `the value of channel ${JSON.stringify(channel)}`, 'none');
  }

  async #copyOf(generation: number): Promise<readonly Entry[]> {
    const next = await this.read(generation + 1);
    if ('damage' in next || next.document.before?.generation !== generation) return [];
    return next.document.before.entries;
  }
}

function valueIn(entries: readonly Entry[], channel: string): Written | undefined {
  const entry = entries.find(({ is }) => is === 'checkpoint');
  return entry?.is === 'checkpoint' && Object.hasOwn(entry.values, channel) ? entry.values[channel] : undefined;
}

async function readGeneration(store: ThreadStore, name: ThreadName, generation: number): Promise<Read> {
  const series = seriesOf(name);
  const bytes = await store.get(series, generation);
  if (bytes === undefined) return { damage: missing(name, generation) };
  const place = `${placeText(name, generation)} (${store.where(series, generation)})`;
  try {
    const { document } = openSealed(bytes, { kind: 'langgraph', place });
    const parsed = DocumentSchema.safeParse(document);
    if (!parsed.success) return { damage: damaged(name, generation, 'the fields of its version', 'others') };
    const { thread, namespace, generation: said } = parsed.data;
    if (thread !== name.thread || namespace !== name.namespace || said !== generation)
      return {
        damage: damaged(name, generation, 'itself', placeText({ thread, namespace }, said)),
      };
    return { document: parsed.data };
  } catch (error) {
    if (isFailure(error, 'checkpoint-damaged', 'unknown-format')) return { damage: error };
    throw error;
  }
}

function placeText(name: ThreadName, generation: number): string {
  return `generation ${generation} of ${threadText(name)}`;
}

function missing(name: ThreadName, generation: number): HoldfastError {
  return damaged(name, generation, 'a sealed document', 'nothing: it is missing');
}

export function damaged(name: ThreadName, generation: number, expected: string, found: string): HoldfastError {
  const place = placeText(name, generation);
  return new HoldfastError('checkpoint-damaged', `The ${place} is damaged. Expected ${expected}, found ${found}.`, {
    place,
    expected,
    found,
  });
}
