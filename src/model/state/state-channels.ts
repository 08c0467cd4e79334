/**
 * A job's state: named channels, each with its reducer.
 *
 * Invariants
 * 1. It is a pure function of the declarations and of what was written, super-step by super-step, within one in the
 *    order that is given. Who was faster never shows.
 * 2. A super-step is written whole or not at all, whatever fails in it.
 * 3. Two nodes of one super-step never write different values where one of them would be lost: that is a failure which
 *    names both.
 * 4. A write costs what is written, but where a reducer of one's own or a schema must see the whole.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson, type Json, type JsonObject } from '../canonical-json.ts';
import { defined } from '../defined.ts';
import { HoldfastError } from '../failure.ts';
import { nearestName } from '../nearest-name.ts';
import { shown } from '../shown-value.ts';
import { channelOf } from './channel-of.ts';
import { Misfit, sizeOf, type Channel, type Undo } from './channel.ts';
import { isBuiltIn, type ChannelDeclaration, type OwnReducer } from './reducer.ts';
import type { NodeWrites, StateWrite } from './state-write.ts';

/** What a channel's schema finds wrong after a write, in words; undefined: nothing. */
export type ChannelCheck = (channel: Pick<Channel, 'value'>, written: Json) => string | undefined;

export interface StateOptions {
  /** The reducers of one's own. Default: none; then what they made must stand in what is applied. */
  readonly own?: Readonly<Record<string, OwnReducer>>;
  /** What the channels hold, in place of their initial values. */
  readonly values?: JsonObject;
  readonly checks?: ReadonlyMap<string, ChannelCheck>;
  /** Of all channels together, as canonical JSON; asked for the size beyond which nothing is taken. */
  readonly maxBytes: (sizeBytes: number) => number;
  /** Of what one super-step writes, which travels with one request. Default: no limit. */
  readonly maxWrittenBytes?: number;
  /** What a write that can't join is: what a step returned, or what the Workflow's code gave. */
  readonly misfit: 'bad-output' | 'bad-input';
  /** How a node is called in messages, and its field in their details. */
  readonly who: (node: string) => string;
  readonly field: 'stepId' | 'node';
  /** Two writes that a check of the plan has let pass in jobs of earlier versions: the later one counts. */
  readonly isTolerated?: (channel: string) => boolean;
}

interface Part {
  readonly node: string;
  readonly value: Json;
}

export class StateChannels {
  readonly #options: StateOptions;
  readonly #declared: Readonly<Record<string, ChannelDeclaration>>;
  readonly #channels: ReadonlyMap<string, Channel>;
  /** Of the names, the commas and the braces. */
  readonly #frameBytes: number;
  #valueBytes: number;
  #values: JsonObject | undefined;
  /** Does the super-step that is folded have writes that an earlier version let pass? Then it is taken as it was. */
  #hasTolerated = false;

  /** @throws HoldfastError `bad-input`, for a value that a channel can't hold, or a reducer that is not known */
  constructor(declared: Readonly<Record<string, ChannelDeclaration>>, options: StateOptions) {
    this.#options = options;
    this.#declared = declared;
    const names = Object.keys(declared);
    this.#channels = new Map(names.map((name) => [name, channelOf(name, declared[name]!, options)]));
    this.#frameBytes = names.reduce((sum, name) => sum + utf8ToBytes(JSON.stringify(name)).length + 2, 1);
    this.#frameBytes += names.length === 0 ? 1 : 0;
    this.#valueBytes = [...this.#channels.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** What all channels hold: the same object until the next write; it never changes. */
  get values(): JsonObject {
    return (this.#values ??= Object.freeze(
      Object.fromEntries(Array.from(this.#channels, ([name, channel]) => [name, channel.value])),
    ));
  }

  /** As canonical JSON. */
  get sizeBytes(): number {
    return this.#frameBytes + this.#valueBytes;
  }

  /** Channel → bytes of what it holds, the largest first. */
  get sizes(): readonly { readonly channel: string; readonly sizeBytes: number }[] {
    return Array.from(this.#channels, ([channel, { sizeBytes }]) => ({ channel, sizeBytes })).sort(
      (a, b) => b.sizeBytes - a.sizeBytes,
    );
  }

  /**
   * Writes what the nodes of one super-step have, in the order given.
   * @throws HoldfastError `state-conflict`; `misfit`'s type for what can't join or doesn't fit its schema; `too-large`.
   *   Nothing is written then
   */
  fold(superStep: readonly NodeWrites[]): readonly StateWrite[] {
    const undos: Undo[] = [];
    const parts = new Map<string, Part>();
    this.#hasTolerated = false;
    try {
      const writes = superStep.flatMap(({ node, values }) =>
        Object.entries(values).map(([channel, value]) => {
          this.#refuseConflict(node, { channel, value }, parts);
          undos.push(this.#write(node, channel, value));
          return this.#writeOf(node, channel, value);
        }),
      );
      const last = superStep.findLast(({ values }) => Object.keys(values).length > 0);
      if (last !== undefined) this.#refuseTooLarge(last.node);
      this.#refuseTooMuch(writes);
      return writes;
    } catch (failure) {
      for (const undo of undos.toReversed()) undo();
      throw failure;
    }
  }

  #write(node: string, name: string, value: Json): Undo {
    const channel = this.#channelOf(node, name);
    const valueBytes = this.#valueBytes;
    const before = channel.sizeBytes;
    const undoWrite = this.#joining(node, name, () => channel.write(value));
    this.#valueBytes += channel.sizeBytes - before;
    this.#values = undefined;
    const undo = (): void => {
      undoWrite();
      this.#valueBytes = valueBytes;
      this.#values = undefined;
    };
    const problem = this.#options.checks?.get(name)?.(channel, value);
    if (problem === undefined) return undo;
    undo();
    const { misfit, who } = this.#options;
    throw new HoldfastError(misfit, `After ${who(node)} the state does not fit its schema: ${problem}.`, {
      ...this.#place(node, name),
    });
  }

  /** What was written, with what a reducer of one's own made of it. */
  #writeOf(node: string, channel: string, value: Json): StateWrite {
    const { reducer } = this.#declared[channel]!;
    const result = isBuiltIn(reducer) ? undefined : this.#channels.get(channel)!.value;
    return { node, channel, reducer, value, ...defined({ result }) };
  }

  #refuseConflict(
    node: string,
    { channel: name, value }: { channel: string; value: Json },
    by: Map<string, Part>,
  ): void {
    const channel = this.#channelOf(node, name);
    const parts = this.#joining(node, name, () => channel.parts?.(value));
    for (const [key, part] of parts ?? []) {
      const place = `${name} ${key}`;
      const other = by.get(place);
      by.set(place, { node, value: part });
      if (other === undefined || other.node === node || canonicalJson(other.value) === canonicalJson(part)) continue;
      if (this.#options.isTolerated?.(name) === true) {
        this.#hasTolerated = true;
        continue;
      }
      const { who } = this.#options;
      const { reducer } = this.#declared[name]!;
      const what = key === '' ? `state "${name}"` : `${key} of state "${name}"`;
      throw new HoldfastError(
        'state-conflict',
        `${capital(who(other.node))} and ${who(node)} ran at the same time, and both wrote ${what}, whose reducer ` +
          `${reducer} keeps one value: expected one of them to write it, or both the same; ` +
          `found ${shown(other.value)} and ${shown(part)}.`,
        { ...this.#place(node, name), nodes: [other.node, node], ...defined({ part: key === '' ? undefined : key }) },
      );
    }
  }

  /** @throws HoldfastError of what `Misfit` says */
  #joining<T>(node: string, name: string, join: () => T): T {
    try {
      return join();
    } catch (cause) {
      if (!(cause instanceof Misfit)) throw cause;
      const { misfit, who } = this.#options;
      const { expected } = cause;
      const found = shown(cause.found);
      const { reducer } = this.#declared[name]!;
      throw new HoldfastError(
        misfit,
        `State "${name}" has the reducer ${reducer} and cannot take what ${who(node)} wrote: expected ${expected}; ` +
          `found ${found}.`,
        { ...this.#place(node, name), expected, found },
        { cause },
      );
    }
  }

  #channelOf(node: string, name: string): Channel {
    const channel = this.#channels.get(name);
    if (channel !== undefined) return channel;
    const known = [...this.#channels.keys()];
    const near = nearestName(name, known);
    const { misfit, who, field } = this.#options;
    throw new HoldfastError(
      misfit,
      `${capital(who(node))} writes state "${name}", which is not declared: expected ` +
        `${known.length === 0 ? 'none, as none is' : known.join(', ')}.` +
        (near === undefined ? '' : ` Did you mean "${near}"?`),
      { [field]: node, key: name },
    );
  }

  #refuseTooLarge(node: string): void {
    const { sizeBytes } = this;
    const maxBytes = this.#options.maxBytes(sizeBytes);
    if (sizeBytes <= maxBytes) return;
    const [largest] = this.sizes;
    const { who, field } = this.#options;
    throw new HoldfastError(
      'too-large',
      `After ${who(node)} the job's state has ${sizeBytes} bytes; at most ${maxBytes} are allowed. ` +
        `The largest part is "${largest!.channel}" with ${largest!.sizeBytes}.`,
      { [field]: node, sizeBytes, maxBytes },
    );
  }

  /** Many may write the same, so that what they write is more than what is held then. */
  #refuseTooMuch(writes: readonly StateWrite[]): void {
    const { maxWrittenBytes = Number.POSITIVE_INFINITY, who, field } = this.#options;
    if (this.#hasTolerated || writes.length === 0) return;
    const sizes = writes.map((write) => ({ write, sizeBytes: writtenBytes(write) }));
    const sizeBytes = sizes.reduce((sum, one) => sum + one.sizeBytes, 0);
    if (sizeBytes <= maxWrittenBytes) return;
    const { write } = sizes.sort((a, b) => b.sizeBytes - a.sizeBytes)[0]!;
    throw new HoldfastError(
      'too-large',
      `What is written to the state at once has ${sizeBytes} bytes; at most ${maxWrittenBytes} are allowed. The most ` +
        `is what ${who(write.node)} wrote to "${write.channel}".`,
      { [field]: write.node, key: write.channel, sizeBytes, maxBytes: maxWrittenBytes },
    );
  }

  #place(node: string, name: string): Readonly<Record<string, unknown>> {
    return { [this.#options.field]: node, key: name, reducer: this.#declared[name]!.reducer };
  }
}

function writtenBytes({ value, result }: StateWrite): number {
  return sizeOf(value) + (result === undefined ? 0 : sizeOf(result));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
