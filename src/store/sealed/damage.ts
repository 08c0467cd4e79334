/** What is wrong with sealed bytes: one name a kind of damage, with where it begins. */

/** `unknown-format`: a newer version, an unknown codec or kind, so that nobody here can tell whether it is damaged. */
export type DamageKind = 'cut-short' | 'altered' | 'zeroed' | 'extended' | 'foreign' | 'unknown-format';

/** Damage, where it begins. */
export interface Damage {
  readonly kind: DamageKind;
  /** The byte at which it begins, as exactly as the checksums tell it. */
  readonly at: number;
  /** Which part of the document it is in. */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** Bytes of a file; `to` is not among them. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** A stretch whose checksum is wrong, and what is the matter there. */
export interface DamagedStretch extends Stretch {
  readonly damage: Damage;
}

/** So many zeros in a row nobody writes: a hole, or a block that was never written. */
const MIN_ZEROS = 32;
const ZEROS = Buffer.alloc(MIN_ZEROS);

export function foreign(): Damage {
  return {
    kind: 'foreign',
    at: 0,
    what: 'its first line',
    expected: 'the first line of a sealed document',
    found: 'something else: it is no sealed document',
  };
}

export function unknownFormat(what: string, expected: string, found: string): Damage {
  return { kind: 'unknown-format', at: 0, what, expected, found };
}

export function cutShort(at: number, what: string, expected: string): Damage {
  return {
    kind: 'cut-short',
    at,
    what,
    expected,
    found: at === 0 ? 'nothing' : `the end of the file after ${at} bytes`,
  };
}

/**
 * Bytes that are not those of their checksum.
 * @param bytes all of it
 * @param exactly the byte, where it is known
 */
export function altered(what: string, bytes: Buffer, { from, to }: Stretch, exactly?: number): Damage {
  const zeros = bytes.subarray(from, to).indexOf(ZEROS);
  if (zeros >= 0)
    return { kind: 'zeroed', at: from + zeros, what, expected: 'the bytes of its checksum', found: 'a run of zeros' };
  const found = exactly === undefined ? 'other bytes' : `another byte ${exactly}`;
  return { kind: 'altered', at: exactly ?? from, what, expected: 'the bytes of its checksum', found };
}
