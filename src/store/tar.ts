/**
 * Files in a tar (ustar, as POSIX has it): regular files alone, with short names, so that any `tar` lists and unpacks
 * them. Written by hand: it is one header a file, and no library is in the tree.
 *
 * Invariant: what is read is whole. Every header has its checksum, a file ends where its header says, and two blocks of
 * zeros end the archive, with nothing behind them.
 */
import { fstatSync, readSync } from 'node:fs';
import { invariant } from '../model/invariant.ts';
import { CHUNK_BYTES } from './chunks.ts';
import { storageError } from './durable-file.ts';

const BLOCK = 512;
const SIZE_AT = 124;
const SUM_AT = 148;
/** Eleven octal digits; 8 GiB. Contents that are larger stay where they are. */
export const MAX_MEMBER_BYTES = 8 ** 11 - 1;

/** A file in a tar. */
export interface TarMember {
  readonly name: string;
  readonly sizeBytes: number;
  /** Where its bytes begin. */
  readonly at: number;
}

/** Why a tar can't be read, and from which byte on. */
export class TarDamage extends Error {
  readonly damageAt: number;

  constructor(what: string, damageAt: number) {
    super(what);
    this.damageAt = damageAt;
  }
}

/** A tar of something else. */
export class OtherTar extends Error {
  readonly first: string;

  constructor(first: string) {
    super(`it begins with ${first}`);
    this.first = first;
  }
}

/** What stands before a file of so many bytes. */
export function tarHeader(name: string, sizeBytes: number, atMs: number): Buffer {
  invariant(Buffer.byteLength(name) < 100 && sizeBytes <= MAX_MEMBER_BYTES, `${name} fits in a tar`);
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0);
  header.write('0000600\u00000000000\u00000000000\u0000', 100);
  header.write(`${octal(sizeBytes, 11)}\u0000${octal(Math.max(0, Math.floor(atMs / 1_000)), 11)}\u0000`, SIZE_AT);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  header.write(`${octal(sumOf(header), 6)}\u0000 `, SUM_AT);
  return header;
}

/** What stands behind a file, up to the next header. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}

/** What stands behind the last file. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK);

/**
 * The files in an open tar, in order. Their contents are not read.
 * @param first the name that its first file must have
 * @throws TarDamage; OtherTar, for one that begins with another file; HoldfastError `storage-failed`
 */
export function tarMembers(file: number, path: string, first: string): readonly TarMember[] {
  const { size } = fstatSync(file);
  const members: TarMember[] = [];
  for (let at = 0; ;) {
    if (at + BLOCK > size) throw new TarDamage(`it ends after ${size} bytes, where a header should stand`, size);
    const header = readExactly(file, path, at, BLOCK);
    if (header.every((byte) => byte === 0)) {
      if (size === at + TAR_END.length && readExactly(file, path, at, size - at).every((byte) => byte === 0))
        return members;
      throw new TarDamage(`its end is not two blocks of zeros and nothing else`, at);
    }
    const member = memberOf(header, at);
    if (at === 0 && member.name !== first) throw new OtherTar(member.name);
    mustBeOurs(header, member, at);
    const end = member.at + member.sizeBytes + tarPadding(member.sizeBytes).length;
    if (end > size) throw new TarDamage(`it ends after ${size} bytes, within ${member.name}`, size);
    members.push(member);
    at = end;
  }
}

/** A file's bytes, in chunks. */
export function* tarContent(file: number, path: string, { at, sizeBytes }: TarMember): Generator<Buffer> {
  for (let from = 0; from < sizeBytes; from += CHUNK_BYTES)
    yield readExactly(file, path, at + from, Math.min(CHUNK_BYTES, sizeBytes - from));
}

function memberOf(header: Buffer, at: number): TarMember {
  const sum = Number.parseInt(header.toString('latin1', SUM_AT, SUM_AT + 6), 8);
  if (sum !== sumOf(header)) throw new TarDamage('a header does not have the checksum that it states', at);
  const end = header.indexOf(0);
  const sizeBytes = Number.parseInt(header.toString('latin1', SIZE_AT, SIZE_AT + 11), 8);
  if (end < 1 || end >= 100 || !Number.isSafeInteger(sizeBytes))
    throw new TarDamage('a header is that of something else than a file', at);
  return { name: header.toString('utf8', 0, end), sizeBytes, at: at + BLOCK };
}

/** Every byte of a header is as it was written, also those that no other `tar` looks at. */
function mustBeOurs(header: Buffer, { name, sizeBytes }: TarMember, at: number): void {
  const atMs = Number.parseInt(header.toString('latin1', SIZE_AT + 12, SIZE_AT + 23), 8) * 1_000;
  const isOurs = header[156] === 0x30 && sizeBytes <= MAX_MEMBER_BYTES && Number.isSafeInteger(atMs);
  if (!isOurs || !header.equals(tarHeader(name, sizeBytes, atMs)))
    throw new TarDamage('a header is not as it was written', at);
}

/** Of a header, as if blanks stood where the sum stands. */
function sumOf(header: Buffer): number {
  return header.reduce((sum, byte, at) => sum + (at >= SUM_AT && at < SUM_AT + 8 ? 0x20 : byte), 0);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function readExactly(file: number, path: string, at: number, sizeBytes: number): Buffer {
  const buffer = Buffer.alloc(sizeBytes);
  try {
    for (let filled = 0; filled < sizeBytes;) {
      const count = readSync(file, buffer, filled, sizeBytes - filled, at + filled);
      if (count === 0) throw new TarDamage(`it ends after ${at + filled} bytes`, at + filled);
      filled += count;
    }
  } catch (error) {
    if (error instanceof TarDamage) throw error;
    throw storageError('read', path, error);
  }
  return buffer;
}
