/** Bytes that are no part of any character in UTF-8, within bytes that otherwise are. */

import { isUtf8 } from 'node:buffer';

const CHARACTERS = [
  String.raw`[\x00-\x7f]`,
  String.raw`[\xc2-\xdf][\x80-\xbf]`,
  String.raw`\xe0[\xa0-\xbf][\x80-\xbf]`,
  String.raw`[\xe1-\xec\xee\xef][\x80-\xbf]{2}`,
  String.raw`\xed[\x80-\x9f][\x80-\xbf]`,
  String.raw`\xf0[\x90-\xbf][\x80-\xbf]{2}`,
  String.raw`[\xf1-\xf3][\x80-\xbf]{3}`,
  String.raw`\xf4[\x80-\x8f][\x80-\xbf]{2}`,
].join('|');
/** Bounded: an engine remembers each turn of a loop. */
const TEXT_OR_BYTE = new RegExp(String.raw`((?:${CHARACTERS}){1,1000})|([\x80-\xff])`, 'g');

const LIKE_ODD_BYTE = /<(?=[0-9A-F]{2}>)/g;
const ODD_LESS_THAN = '<3C>';

/** The bytes as text, with what `show` makes of each odd byte. */
export function withOddBytes(bytes: Uint8Array, show: (byte: number) => string): string {
  return asLatin1(bytes).replace(TEXT_OR_BYTE, (_, good: string | undefined, odd: string | undefined) =>
    good === undefined ? show(odd!.charCodeAt(0)) : Buffer.from(good, 'latin1').toString('utf8'),
  );
}

/**
 * The bytes as text, for people and for code, and how many of them are odd: each is shown as itself, `<E9>`.
 *
 * Invariant: two contents of which one has odd bytes never have both the same text and the same number of them. So what
 * already looks like an odd byte, in a text that has some, is shown as `<3C>E9>`. A mark at the start is omitted.
 */
export function decodedBytes(bytes: Uint8Array): { readonly text: string; readonly oddBytes: number } {
  if (isUtf8(bytes)) return { text: new TextDecoder().decode(bytes), oddBytes: 0 };
  let oddBytes = 0;
  const marked = asLatin1(bytes).replaceAll(LIKE_ODD_BYTE, ODD_LESS_THAN);
  const text = withOddBytes(Buffer.from(marked, 'latin1'), (byte) => {
    oddBytes += 1;
    return shownByte(byte);
  });
  return { text: text.startsWith('\ufeff') ? text.slice(1) : text, oddBytes };
}

/** The text of bytes that come in chunks, also where a character lies across two of them. */
export class OddByteDecoder {
  #rest = Buffer.alloc(0);
  #isFirst = true;

  decode(chunk: Uint8Array): string {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const end = bytes.byteLength - unfinishedBytes(bytes);
    this.#rest = bytes.subarray(end);
    return this.#text(bytes.subarray(0, end));
  }

  end(): string {
    return this.#text(this.#rest);
  }

  /** A mark is omitted at the start of all, and nowhere else. */
  #text(bytes: Buffer): string {
    if (bytes.byteLength === 0) return '';
    const text = isUtf8(bytes) ? bytes.toString() : withOddBytes(bytes, shownByte);
    const isMarked = this.#isFirst && text.startsWith('\ufeff');
    this.#isFirst = false;
    return isMarked ? text.slice(1) : text;
  }
}

/** How many bytes at the end may be the start of a character that goes on. */
function unfinishedBytes(bytes: Uint8Array): number {
  for (let count = 1; count <= Math.min(3, bytes.byteLength); count++) {
    const byte = bytes[bytes.byteLength - count]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return count < lengthBegunBy(byte) ? count : 0;
  }
  return 0;
}

function lengthBegunBy(byte: number): number {
  if (byte >= 0xf0) return 4;
  return byte >= 0xe0 ? 3 : 2;
}

/** `<E9>` */
export function shownByte(byte: number): string {
  return `<${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** Where the first odd byte stands; undefined: there is none. */
export function firstOddByte(bytes: Uint8Array): number | undefined {
  for (const { index, 2: odd } of asLatin1(bytes).matchAll(TEXT_OR_BYTE)) if (odd !== undefined) return index;
  return undefined;
}

function asLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
