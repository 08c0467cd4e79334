/** The last line of a sealed document: that it is whole, and the digest of everything before it. */
import { hash } from 'node:crypto';
import { altered, cutShort, type DamagedStretch } from './damage.ts';
import { LAST_LINE_BYTES, statedDigest } from './format.ts';

/**
 * @param endAt where the last line begins
 * @param areFramesSound where a frame is damaged, the digest of the whole tells nothing more
 * @returns undefined: it is as it should be
 */
export function damagedEnd(bytes: Buffer, endAt: number, areFramesSound: boolean): DamagedStretch | undefined {
  const expectedBytes = endAt + LAST_LINE_BYTES;
  const from = Math.min(endAt, bytes.length);
  if (bytes.length < expectedBytes) {
    // The frames tell of it where it is they that are cut short.
    if (bytes.length < endAt) return undefined;
    return { from, to: bytes.length, damage: cutShort(bytes.length, 'its last line', 'the rest of it') };
  }
  const stated = statedDigest(bytes.subarray(endAt, expectedBytes));
  const isRight = stated === hash('sha256', bytes.subarray(0, endAt));
  if (stated === undefined || (areFramesSound && !isRight))
    return { from, to: bytes.length, damage: altered('its last line', bytes, { from, to: expectedBytes }) };
  if (bytes.length === expectedBytes) return undefined;
  const found = `${bytes.length - expectedBytes} bytes more`;
  return {
    from: expectedBytes,
    to: bytes.length,
    damage: { kind: 'extended', at: expectedBytes, what: 'what follows its last line', expected: 'nothing', found },
  };
}
