/**
 * A file's bytes as text, and text as a file's bytes.
 *
 * Invariant: nothing is replaced. Bytes that are no text of the encoding, and text that the encoding has no bytes for,
 * are refused; so text that is read and written again is the same bytes, a byte-order mark included.
 */
import { firstOddByte } from '../../../effects/odd-bytes.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { TEXT_ENCODINGS, type FileContent, type TextEncoding } from '../../../model/step/step-files.ts';

/** @throws HoldfastError `bad-input` naming the first byte that is no text */
export function textOf(bytes: Uint8Array, encoding: TextEncoding, path: string): string {
  mustBeKnown(encoding);
  if (encoding === 'latin1') return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new HoldfastError('bad-input', notText(bytes, encoding, path), { path, encoding }, { cause: error });
  }
}

/** What is given as bytes stays as it is. @throws HoldfastError `bad-input` */
export function encoded(content: FileContent, encoding: TextEncoding, path: string): FileContent {
  mustBeKnown(encoding);
  // The store itself makes UTF-8 of text, and refuses what UTF-8 can't carry.
  if (encoding === 'utf-8' || content instanceof Uint8Array) return content;
  if (typeof content === 'string') return bytesOf(content, encoding, path);
  throw new HoldfastError(
    'bad-input',
    `write("${path}", stream, { encoding }): a stream has no encoding. Give the text whole, or a stream of bytes.`,
    { path, encoding },
  );
}

type OtherEncoding = Exclude<TextEncoding, 'utf-8'>;

function bytesOf(text: string, encoding: OtherEncoding, path: string): Uint8Array {
  if (!text.isWellFormed())
    throw new HoldfastError('bad-input', `The text for ${path} holds a lone surrogate. Write bytes instead.`, { path });
  if (encoding === 'utf-16le') return Buffer.from(text, 'utf16le');
  const beyond = /[\u0100-\u{10ffff}]/u.exec(text)?.[0];
  if (beyond === undefined) return Buffer.from(text, 'latin1');
  throw new HoldfastError(
    'bad-input',
    `The text for ${path} holds ${JSON.stringify(beyond)}, which Latin-1 has no byte for. Write UTF-8, or bytes.`,
    { path, encoding },
  );
}

function notText(bytes: Uint8Array, encoding: OtherEncoding | 'utf-8', path: string): string {
  const others = TEXT_ENCODINGS.filter((other) => other !== encoding).map((other) => `'${other}'`);
  const place = encoding === 'utf-8' ? firstOddByte(bytes) : undefined;
  const where =
    place === undefined ? '' : ` (byte 0x${bytes[place]!.toString(16).padStart(2, '0')} at ${place}, counted from 0)`;
  return (
    `${path} is not ${encoding.toUpperCase()} text${where}. Say which encoding it has: readText(path, { encoding }) ` +
    `and write(path, text, { encoding }) know ${others.join(' and ')}, too; or read its bytes: read(path).`
  );
}

function mustBeKnown(encoding: TextEncoding): void {
  if (TEXT_ENCODINGS.includes(encoding)) return;
  throw new HoldfastError(
    'bad-input',
    `"${String(encoding)}" is not an encoding that a step can name. Expected one of ${TEXT_ENCODINGS.join(', ')}.`,
  );
}
