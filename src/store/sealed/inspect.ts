/**
 * How much of sealed bytes is sound, and where the damage begins, without loading what is in them.
 *
 * Invariants
 * 1. It never throws, whatever the bytes are, and takes no memory beyond them.
 * 2. Bytes without `damage` are exactly what `seal` writes: what `openSealed` opens has been through here.
 */
import * as z from 'zod';
import {
  checkedBytes,
  CODECS,
  firstLine,
  framedBytes,
  LAST_LINE_BYTES,
  lineCheck,
  MAX_FIRST_LINE_BYTES,
  MAX_SEALED_BYTES,
  MAX_STORED_BYTES,
  type SealHeader,
} from './format.ts';
import { altered, cutShort, type Damage, foreign, type Stretch, unknownFormat } from './damage.ts';
import { bitDistance } from './flipped-bit.ts';
import { damagedFrames } from './frames.ts';
import { damagedEnd } from './last-line.ts';
import { KIND_NAMES, kindNamed } from './kinds.ts';

/** What can be told of bytes that may be a sealed document. */
export interface SealReport {
  /** How many bytes there are. */
  readonly bytes: number;
  /** How many there should be. Undefined: the first line doesn't say. */
  readonly expectedBytes: number | undefined;
  /** What the first line says. Undefined: it can't be read. */
  readonly header: SealHeader | undefined;
  /** Where the frames begin. */
  readonly bodyAt: number;
  /** How many bytes from the start are sound. */
  readonly soundBytes: number;
  /** The first damage. Undefined: everything is sound. */
  readonly damage: Damage | undefined;
  /** Every stretch in which something is damaged, `to` not included. */
  readonly damaged: readonly Stretch[];
  /** What can't be told. */
  readonly untold: readonly string[];
}

/** Whoever can write the file can write right checksums. */
const FORGED = 'whether somebody has made it anew: its checksums find what happens to bytes, they are no signature';

const AnySchema = z.looseObject({
  holdfast: z.literal('sealed'),
  kind: z.string(),
  schemaVersion: z.int().positive(),
});
const SizeSchema = z.int().nonnegative().max(MAX_STORED_BYTES);
const HeaderSchema = AnySchema.extend({
  codec: z.enum(CODECS),
  size: SizeSchema,
  stored: SizeSchema,
  writer: z.string(),
});

/** Tells of any bytes how much of a sealed document they are. Never throws. */
export function inspectSealed(bytes: Buffer): SealReport {
  const line = lineOf(bytes);
  const check = lineCheck(line);
  if (check === undefined || check.stated !== check.computed) return withoutFirstLine(bytes);
  const read = readLine(line);
  if ('damage' in read)
    return { ...nothingOf(bytes), damage: read.damage, untold: ['whether the rest of it is sound'] };
  return inspectRest(bytes, { header: read.header, bodyAt: line.length, crc: check.computed });
}

/** What the first line says, whatever follows it. Undefined: it can't be read, or not by this version. */
export function sealHeader(bytes: Buffer): SealHeader | undefined {
  const line = lineOf(bytes);
  const check = lineCheck(line);
  if (check === undefined || check.stated !== check.computed) return undefined;
  const read = readLine(line);
  return 'header' in read ? read.header : undefined;
}

/** Empty where there is none. */
function lineOf(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.subarray(0, MAX_FIRST_LINE_BYTES).indexOf(0x0a) + 1);
}

function readLine(line: Buffer): { readonly header: SealHeader } | { readonly damage: Damage } {
  let fields: unknown;
  try {
    fields = JSON.parse(line.toString('latin1'));
  } catch {
    fields = undefined;
  }
  const any = AnySchema.safeParse(fields);
  if (!any.success) return { damage: foreign() };
  const { kind, schemaVersion, codec } = any.data;
  const known = kindNamed(kind);
  if (known === undefined) return { damage: unknownFormat('its kind', KIND_NAMES.join(' or '), kind) };
  if (schemaVersion > known.schemaVersion)
    return { damage: unknownFormat('its version', `at most ${known.schemaVersion}`, `${schemaVersion}, a newer one`) };
  if (!CODECS.some((one) => one === codec))
    return { damage: unknownFormat('its codec', CODECS.join(' or '), typeof codec === 'string' ? codec : 'not named') };
  const { size: claimed } = any.data;
  if (typeof claimed === 'number' && claimed > MAX_SEALED_BYTES)
    return { damage: unknownFormat('its size', `at most ${MAX_SEALED_BYTES}`, `${claimed} bytes`) };
  const exact = HeaderSchema.safeParse(fields);
  if (!exact.success || !firstLine(exact.data).equals(line)) return { damage: foreign() };
  const { size, stored, writer } = exact.data;
  return { header: { codec: exact.data.codec, kind, schemaVersion, size, stored, writer } };
}

interface Body {
  readonly header: SealHeader;
  readonly bodyAt: number;
  readonly crc: number;
}

function inspectRest(bytes: Buffer, { header, bodyAt, crc }: Body): SealReport {
  const endAt = bodyAt + framedBytes(header.stored);
  const frames = damagedFrames(bytes, { bodyAt, stored: header.stored, crc });
  const end = damagedEnd(bytes, endAt, frames.length === 0);
  const found = [...frames, ...(end === undefined ? [] : [end])];
  return {
    bytes: bytes.length,
    expectedBytes: endAt + LAST_LINE_BYTES,
    header,
    bodyAt,
    soundBytes: found[0]?.from ?? bytes.length,
    damage: found[0]?.damage,
    damaged: found.map(({ from, to }) => ({ from, to })),
    untold: [FORGED],
  };
}

/** Nothing can be told of the frames: their checksums go on from the first line's. */
function withoutFirstLine(bytes: Buffer): SealReport {
  const report = {
    ...nothingOf(bytes),
    untold: ['what it is, how long it should be, and whether the rest of it is sound'],
  };
  if (bytes.length === 0) return { ...report, damage: cutShort(0, 'all of it', 'a sealed document') };
  if (bytes.every((byte) => byte === 0))
    return {
      ...report,
      damage: { kind: 'zeroed', at: 0, what: 'all of it', expected: 'a sealed document', found: 'zeros' },
    };
  if (isBegun(bytes)) return { ...report, damage: cutShort(bytes.length, 'its first line', 'the rest of it') };
  return {
    ...report,
    damage: looksSealed(bytes) ? alteredLine(bytes) : foreign(),
  };
}

function nothingOf(bytes: Buffer): Omit<SealReport, 'untold'> {
  return {
    bytes: bytes.length,
    expectedBytes: undefined,
    header: undefined,
    bodyAt: 0,
    soundBytes: 0,
    damage: undefined,
    damaged: bytes.length === 0 ? [] : [{ from: 0, to: bytes.length }],
  };
}

const LINE_BEGIN = Buffer.from('{"check":"', 'latin1');
/** What a first line of any version has, by which a damaged one is known. */
const LINE_MARK = Buffer.from('"holdfast":"sealed"', 'latin1');
const LAST_MARK = Buffer.from('\n{"complete":true,"sha256":"', 'latin1');

/** A first line that ends before its end: nothing of it is wrong as far as it goes. */
function isBegun(bytes: Buffer): boolean {
  if (bytes.length > MAX_FIRST_LINE_BYTES || bytes.includes(0x0a)) return false;
  return bytes.subarray(0, LINE_BEGIN.length).equals(LINE_BEGIN.subarray(0, bytes.length));
}

function looksSealed(bytes: Buffer): boolean {
  const head = bytes.subarray(0, MAX_FIRST_LINE_BYTES);
  return (
    head.subarray(0, LINE_BEGIN.length).equals(LINE_BEGIN) || head.includes(LINE_MARK) || bytes.includes(LAST_MARK)
  );
}

function alteredLine(bytes: Buffer): Damage {
  const line = lineOf(bytes);
  const to = line.length === 0 ? Math.min(bytes.length, MAX_FIRST_LINE_BYTES) : line.length;
  const check = lineCheck(line);
  const distance = check === undefined ? undefined : bitDistance(check.stated ^ check.computed, checkedBytes(line));
  const exactly = distance === undefined ? undefined : line.length - 1 - distance;
  return altered('its first line', bytes, { from: 0, to }, exactly);
}
