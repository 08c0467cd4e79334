/**
 * One channel of a state: what it holds, and how what is written joins that.
 *
 * Invariants
 * 1. A write that can't join throws `Misfit` and changes nothing; one that did can be taken back, once, last first.
 * 2. A write costs what is written, not what is held, but with a reducer of one's own, which sees and makes the whole.
 * 3. A value that was read never changes afterwards.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson, type Json } from '../canonical-json.ts';

/** Takes a write back. */
export type Undo = () => void;

export interface Channel {
  /** What it holds: made when it is read, the same value until the next write. */
  readonly value: Json;
  /** As canonical JSON. */
  readonly sizeBytes: number;
  /** @throws Misfit */
  write(written: Json): Undo;
  /**
   * The parts that no two steps of one super-step may write differently, each with what is written to it. Undefined:
   * there are none, as the reducer takes both.
   */
  readonly parts?: (written: Json) => ReadonlyMap<string, Json>;
}

/** What was written can't join what the channel holds. */
export class Misfit extends Error {
  override readonly name = 'Misfit';
  readonly expected: string;
  readonly found: unknown;

  constructor(expected: string, found: unknown, options?: { cause?: unknown }) {
    super(`expected ${expected}`, options);
    this.expected = expected;
    this.found = found;
  }
}

/** How many bytes a value has as canonical JSON. @throws HoldfastError `not-json` */
export function sizeOf(value: Json): number {
  return utf8ToBytes(canonicalJson(value)).length;
}
