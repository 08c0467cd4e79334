/** Which frames of a sealed document are damaged, and where within them. */
import { altered, cutShort, type DamagedStretch } from './damage.ts';
import { bitDistance } from './flipped-bit.ts';
import { FRAME_BYTES, FRAME_HEAD_BYTES, frameCheck } from './format.ts';

/** What the first line tells of the frames. */
export interface Framing {
  readonly bodyAt: number;
  readonly stored: number;
  /** The first line's checksum, from which the first frame's goes on. */
  readonly crc: number;
}

interface Frame {
  readonly index: number;
  readonly at: number;
  readonly length: number;
}

/** In order; the last one may be what is missing at the end. Empty: all frames are sound. */
export function damagedFrames(bytes: Buffer, { bodyAt, stored, crc }: Framing): readonly DamagedStretch[] {
  const damaged: DamagedStretch[] = [];
  let before: readonly number[] = [crc];
  for (let index = 0, at = bodyAt; index * FRAME_BYTES < stored; index++) {
    const length = Math.min(FRAME_BYTES, stored - index * FRAME_BYTES);
    const to = at + FRAME_HEAD_BYTES + length;
    if (to > bytes.length) {
      damaged.push({
        from: Math.min(at, bytes.length),
        to: bytes.length,
        damage: missing(bytes.length, index, stored),
      });
      break;
    }
    const frame = { index, at, length };
    const sound = before.find((one) => isSound(bytes, frame, one));
    if (sound === undefined) damaged.push(damagedFrame(bytes, frame, before));
    before = checksAfter(bytes, frame, before);
    at = to;
  }
  return damaged;
}

function missing(at: number, index: number, stored: number): DamagedStretch['damage'] {
  return cutShort(at, `block ${index + 1} of ${Math.ceil(stored / FRAME_BYTES)}`, 'the rest of it');
}

function payloadOf(bytes: Buffer, { at, length }: Frame): Buffer {
  return bytes.subarray(at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + length);
}

function isSound(bytes: Buffer, frame: Frame, before: number): boolean {
  return (
    bytes.readUInt32BE(frame.at) === frame.length &&
    bytes.readUInt32BE(frame.at + 4) === frameCheck({ index: frame.index, before }, payloadOf(bytes, frame))
  );
}

/**
 * What the next frame's checksum may go on from: the checksum as it stands, and, where the frame is damaged, what it
 * would be if the damage were in the checksum alone.
 */
function checksAfter(bytes: Buffer, frame: Frame, before: readonly number[]): readonly number[] {
  const stated = bytes.readUInt32BE(frame.at + 4);
  const computed = before.map((one) => frameCheck({ index: frame.index, before: one }, payloadOf(bytes, frame)));
  return [...new Set([stated, ...computed])].slice(0, 3);
}

function damagedFrame(bytes: Buffer, frame: Frame, [before]: readonly number[]): DamagedStretch {
  const from = frame.at;
  const to = frame.at + FRAME_HEAD_BYTES + frame.length;
  const what = `block ${frame.index + 1}`;
  return { from, to, damage: altered(what, bytes, { from, to }, flippedByte(bytes, frame, before!)) };
}

/** The byte of which one bit is another, if that alone explains the checksum. */
function flippedByte(bytes: Buffer, frame: Frame, before: number): number | undefined {
  const payload = payloadOf(bytes, frame);
  const statedLength = bytes.readUInt32BE(frame.at);
  const difference = bytes.readUInt32BE(frame.at + 4) ^ frameCheck({ index: frame.index, before }, payload);
  if (statedLength !== frame.length)
    return difference === 0 ? flippedIn(frame.at, statedLength ^ frame.length) : undefined;
  const inPayload = bitDistance(difference, payload.length);
  if (inPayload !== undefined) return frame.at + FRAME_HEAD_BYTES + payload.length - 1 - inPayload;
  return flippedIn(frame.at + 4, difference);
}

/** The byte of a number at `at` in which its only wrong bit is. */
function flippedIn(at: number, difference: number): number | undefined {
  const bit = 31 - Math.clz32(difference);
  return difference >>> 0 === (1 << bit) >>> 0 ? at + 3 - (bit >> 3) : undefined;
}
