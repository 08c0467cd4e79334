/**
 * A file's bytes as text for a person, whatever they are.
 *
 * Invariant: two contents that differ never show the same text: a byte that is no UTF-8 is shown as itself, `<E9>`.
 */
import { shownByte, withOddBytes } from '../odd-bytes.ts';

export interface ShownText {
  readonly text: string;
  readonly encoding: 'UTF-8' | 'UTF-16' | 'not UTF-8';
  readonly hasMark: boolean;
}

/** Of as many bytes as these one may be odd; with more, lines tell a person nothing. */
const BYTES_FOR_ONE_ODD = 4;
/** Of a character in UTF-16. */
const BYTES_OF_UNIT = 2;
/** Control characters that texts have: they part lines, columns and pages, and colour what a program prints. */
const CONTROLS_OF_TEXTS = new Set(['\t', '\n', '\f', '\r', '\u001b']);

/** Undefined: it is no text. */
export function shownText(bytes: Uint8Array): ShownText | undefined {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe && bytes.byteLength > 2;
  if (isUtf16) return utf16(bytes);
  if (bytes.includes(0)) return undefined;
  const text = decoded(bytes, 'utf-8');
  if (text === undefined) return almostUtf8(bytes);
  return isMostlyOdd(oddControls(text), bytes) ? undefined : { text, encoding: 'UTF-8', hasMark: isMarked(text) };
}

function utf16(bytes: Uint8Array): ShownText | undefined {
  const text = decoded(bytes, 'utf-16le');
  if (text === undefined || text.includes('\0') || isMostlyOdd(oddControls(text) * BYTES_OF_UNIT, bytes))
    return undefined;
  return { text, encoding: 'UTF-16', hasMark: true };
}

function decoded(bytes: Uint8Array, encoding: 'utf-8' | 'utf-16le'): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function almostUtf8(bytes: Uint8Array): ShownText | undefined {
  let odd = 0;
  const text = withOddBytes(bytes, (byte) => {
    odd += 1;
    return shownByte(byte);
  });
  return isMostlyOdd(odd + oddControls(text), bytes)
    ? undefined
    : { text, encoding: 'not UTF-8', hasMark: isMarked(text) };
}

function isMostlyOdd(odd: number, bytes: Uint8Array): boolean {
  return odd * BYTES_FOR_ONE_ODD > bytes.byteLength;
}

/** How many characters act on a terminal, and are in no text. */
function oddControls(text: string): number {
  let odd = 0;
  for (const [control] of text.matchAll(/\p{Cc}/gu)) if (!CONTROLS_OF_TEXTS.has(control)) odd += 1;
  return odd;
}

function isMarked(text: string): boolean {
  return text.startsWith('\ufeff');
}
