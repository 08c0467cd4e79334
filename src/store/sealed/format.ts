/**
 * The bytes of a sealed document, the same in every store.
 *
 *     {"check":"<CRC-32 of the rest of the line>","codec":"zstd","holdfast":"sealed","kind":…,"schemaVersion":1,
 *      "size":<bytes of the document>,"stored":<bytes of it as stored>,"writer":…}\n
 *     frames: u32 length, u32 CRC-32, up to 512 bytes of what is stored (numbers are big-endian)
 *     \n{"complete":true,"sha256":"<of everything before this line>"}\n
 *
 * Invariants
 * 1. Every version keeps the first 20 bytes (`{"check":"xxxxxxxx",`), the end of that line, and `holdfast`, `kind` and
 *    `schemaVersion` in it: so a newer version is told from a damaged one.
 * 2. A frame's checksum covers its number, its length, its bytes and the checksum before it; the first one's goes on
 *    from the first line's. So frames of two writers don't follow each other, and a missing one shows.
 * 3. The first line says how long the whole is.
 */
import { crc32 } from 'node:zlib';
import { canonicalJson } from '../../model/canonical-json.ts';

/** A sector of a disk: no damage is told less exactly than by this and the head of its frame. */
export const FRAME_BYTES = 512;
export const FRAME_HEAD_BYTES = 8;
/** Of a document, uncompressed and as stored. What is larger belongs into blobs. */
export const MAX_SEALED_BYTES = 256 * 1024 * 1024;
export const MAX_FIRST_LINE_BYTES = 2048;
/** Of all bytes. Compression may make a document somewhat larger. */
export const MAX_STORED_BYTES = MAX_SEALED_BYTES + MAX_SEALED_BYTES / 32;
const MAX_WRITER_CHARACTERS = 200;

const LINE_BEGIN = '{"check":"';
const CHECKED_FROM = LINE_BEGIN.length + 8 + '",'.length;
const LINE_PATTERN = /^\{"check":"([0-9a-f]{8})",/;
const LAST_LINE_PATTERN = /^\n\{"complete":true,"sha256":"([0-9a-f]{64})"\}\n$/;

/** How what is stored becomes the document. */
export const CODECS = ['none', 'zstd'] as const;
/** The name of a compression. */
export type Codec = (typeof CODECS)[number];

/** What the first line says. */
export interface SealHeader {
  readonly codec: Codec;
  readonly kind: string;
  readonly schemaVersion: number;
  /** Bytes of the document. */
  readonly size: number;
  /** Bytes of it as stored, without the frames' heads. */
  readonly stored: number;
  readonly writer: string;
}

/** A writer as the first line can have it: printable ASCII, not too long. */
export function writerText(writer: string): string {
  return writer.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_WRITER_CHARACTERS);
}

export function firstLine({ codec, kind, schemaVersion, size, stored, writer }: SealHeader): Buffer {
  const fields = { codec, holdfast: 'sealed', kind, schemaVersion, size, stored, writer: writerText(writer) };
  const rest = `${canonicalJson(fields).slice(1)}\n`;
  return Buffer.from(`${LINE_BEGIN}${hex32(crc32(rest))}",${rest}`, 'latin1');
}

/** The checksum that a line (with its `\n`) states, and that of its bytes. Undefined: it is no first line. */
export function lineCheck(line: Buffer): { readonly stated: number; readonly computed: number } | undefined {
  const stated = LINE_PATTERN.exec(line.toString('latin1', 0, CHECKED_FROM))?.[1];
  if (stated === undefined) return undefined;
  return { stated: Number.parseInt(stated, 16), computed: crc32(line.subarray(CHECKED_FROM)) };
}

/** How many bytes of a first line its checksum covers. */
export function checkedBytes(line: Buffer): number {
  return line.length - CHECKED_FROM;
}

export function lastLine(sha256: string): Buffer {
  return Buffer.from(`\n{"complete":true,"sha256":"${sha256}"}\n`, 'latin1');
}

export const LAST_LINE_BYTES = lastLine('0'.repeat(64)).length;

/** The digest that a last line states. Undefined: it is no such line. */
export function statedDigest(line: Buffer): string | undefined {
  return LAST_LINE_PATTERN.exec(line.toString('latin1'))?.[1];
}

/** The checksum of a frame. @param before that of the frame before it, or of the first line */
export function frameCheck(place: { readonly index: number; readonly before: number }, payload: Buffer): number {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  head.writeUInt32BE(place.index, 0);
  head.writeUInt32BE(payload.length, 4);
  return crc32(payload, crc32(head, place.before));
}

/** How many bytes frames around so many stored bytes take. */
export function framedBytes(stored: number): number {
  return stored + FRAME_HEAD_BYTES * Math.ceil(stored / FRAME_BYTES);
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
