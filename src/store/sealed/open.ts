/**
 * Opens sealed bytes.
 *
 * Invariants
 * 1. Nothing of a document is used, decompressed or parsed before the whole of it has been found sound: first line,
 *    version, codec, length, checksum of the whole, frames.
 * 2. Decompressing takes no more memory than the first line says, and that is bounded.
 */
import { zstdDecompressSync } from 'node:zlib';
import { isTooDeep, TOO_DEEP, type Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import { FRAME_BYTES, FRAME_HEAD_BYTES, type SealHeader } from './format.ts';
import { inspectSealed, type SealReport } from './inspect.ts';
import { type KindName, kindNamed, migrated } from './kinds.ts';

/** A sealed document, opened. */
export interface OpenedSeal {
  readonly document: Json;
  /** The version that was read; `document` is of the version of now. */
  readonly schemaVersion: number;
  readonly writer: string;
}

/**
 * The document in sealed bytes, verified whole. Pure; safe to repeat.
 * @param place what the bytes are, for people: `checkpoint 12 of job "a" in /srv/checkpoints`
 * @throws HoldfastError `checkpoint-damaged` whose details are the report's (what is sound, where the damage begins);
 *   `unknown-format` for a newer version, an unknown codec or another kind
 */
export function openSealed(bytes: Buffer, expected: { readonly kind: KindName; readonly place: string }): OpenedSeal {
  const { header, plain } = openPlain(bytes, expected.place);
  const { kind, schemaVersion, writer } = header;
  if (kind !== expected.kind)
    throw new HoldfastError(
      'unknown-format',
      `The ${expected.place} is a sealed ${kind}. Expected a ${expected.kind}.`,
      { place: expected.place, what: 'its kind', expected: expected.kind, found: kind },
    );
  return { document: migrated(kindNamed(kind)!, schemaVersion, parsed(plain, expected.place)), schemaVersion, writer };
}

/** The same, as the document's bytes, of whatever kind and version. */
export function openPlain(bytes: Buffer, place: string): { readonly header: SealHeader; readonly plain: Buffer } {
  const report = inspectSealed(bytes);
  if (report.damage !== undefined || report.header === undefined) throw notSound(place, report);
  const { header, bodyAt } = report;
  return { header, plain: decompressed(storedBytes(bytes, bodyAt, header.stored), header, place) };
}

function notSound(place: string, { damage, soundBytes }: SealReport): HoldfastError {
  const { kind, at, what, expected, found } = damage!;
  const details = { place, what, expected, found, soundBytes, damageAt: at, damage: kind };
  if (kind === 'unknown-format')
    return new HoldfastError(
      'unknown-format',
      `The ${place} can't be read: ${what} is ${found}. Expected ${expected}.`,
      details,
    );
  return new HoldfastError(
    'checkpoint-damaged',
    `The ${place} is damaged: ${what}: expected ${expected}, found ${found}. ` +
      `Sound up to byte ${soundBytes}, the damage begins at byte ${at}.`,
    details,
  );
}

function storedBytes(bytes: Buffer, bodyAt: number, stored: number): Buffer {
  const joined = Buffer.allocUnsafe(stored);
  for (let to = 0, at = bodyAt; to < stored; to += FRAME_BYTES, at += FRAME_HEAD_BYTES + FRAME_BYTES)
    bytes.copy(joined, to, at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + Math.min(FRAME_BYTES, stored - to));
  return joined;
}

function decompressed(stored: Buffer, { codec, size }: SealHeader, place: string): Buffer {
  if (codec === 'none') return mustHaveSize(stored, size, place);
  let plain: Buffer;
  try {
    plain = zstdDecompressSync(stored, { maxOutputLength: Math.max(size, 1) });
  } catch (error) {
    throw misfit(place, `${size} bytes of ${codec}`, error instanceof Error ? error.message : 'something else', error);
  }
  return mustHaveSize(plain, size, place);
}

function mustHaveSize(plain: Buffer, size: number, place: string): Buffer {
  if (plain.length !== size) throw misfit(place, `${size} bytes`, `${plain.length} bytes`);
  return plain;
}

function parsed(plain: Buffer, place: string): Json {
  try {
    const document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain)) as Json;
    if (isTooDeep(document)) throw new RangeError(`JSON that ${TOO_DEEP}`);
    return document;
  } catch (error) {
    throw misfit(place, 'JSON', error instanceof Error ? error.message : 'something else', error);
  }
}

/** Its checksums are right, so whoever wrote it wrote that. */
function misfit(place: string, expected: string, found: string, cause?: unknown): HoldfastError {
  return new HoldfastError(
    'checkpoint-damaged',
    `The ${place} was written wrongly: its checksums are right, and what they cover is not what its first line says. ` +
      `Expected ${expected}, found: ${found}.`,
    {
      place,
      what: 'its content does not fit its first line',
      expected,
      found,
      soundBytes: 0,
      damageAt: 0,
      damage: 'altered',
    },
    { cause },
  );
}
