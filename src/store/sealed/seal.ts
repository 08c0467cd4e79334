/** Seals a document: the bytes that a store keeps. */
import { hash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import {
  type Codec,
  firstLine,
  FRAME_BYTES,
  FRAME_HEAD_BYTES,
  frameCheck,
  framedBytes,
  LAST_LINE_BYTES,
  lastLine,
  lineCheck,
  MAX_SEALED_BYTES,
} from './format.ts';
import { type KindName, SEALED_KINDS } from './kinds.ts';

/** Smaller ones gain nothing from compression. */
const MIN_COMPRESSED_BYTES = 512;

/** What is to be sealed. */
export interface Sealing {
  readonly kind: KindName;
  readonly document: Json;
  /** Who writes it, for people who meet it. The same document by two writers is the same document. */
  readonly writer: string;
  /** Default: `zstd`, and `none` for the smallest. */
  readonly codec?: Codec;
}

/**
 * The sealed bytes of a document, as canonical JSON. Pure.
 * @throws HoldfastError `not-json`, `too-large` (more than 256 MiB)
 */
export function seal({ kind, document, writer, codec }: Sealing): Buffer {
  const plain = Buffer.from(canonicalJson(document), 'utf8');
  if (plain.length > MAX_SEALED_BYTES)
    throw new HoldfastError(
      'too-large',
      `A ${kind} to be sealed has ${plain.length} bytes. Expected at most ${MAX_SEALED_BYTES}.`,
      { kind, sizeBytes: plain.length, maxBytes: MAX_SEALED_BYTES },
    );
  const used = codec ?? (plain.length < MIN_COMPRESSED_BYTES ? 'none' : 'zstd');
  const stored = used === 'zstd' ? zstdCompressSync(plain) : plain;
  const { schemaVersion } = SEALED_KINDS[kind];
  return enclose(
    firstLine({ codec: used, kind, schemaVersion, size: plain.length, stored: stored.length, writer }),
    stored,
  );
}

/** Puts a first line before, frames around and a last line behind what is stored. */
export function enclose(line: Buffer, stored: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(line.length + framedBytes(stored.length) + LAST_LINE_BYTES);
  line.copy(bytes);
  let at = line.length;
  let before = lineCheck(line)?.computed ?? 0;
  for (let from = 0, index = 0; from < stored.length; from += FRAME_BYTES, index++) {
    const payload = stored.subarray(from, from + FRAME_BYTES);
    before = frameCheck({ index, before }, payload);
    bytes.writeUInt32BE(payload.length, at);
    bytes.writeUInt32BE(before, at + 4);
    payload.copy(bytes, at + FRAME_HEAD_BYTES);
    at += FRAME_HEAD_BYTES + payload.length;
  }
  lastLine(hash('sha256', bytes.subarray(0, at))).copy(bytes, at);
  return bytes;
}
