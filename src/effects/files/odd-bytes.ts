/** Bytes that are no part of any character in UTF-8, within bytes that otherwise are. */

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

/** The bytes as text, with what `show` makes of each odd byte. */
export function withOddBytes(bytes: Uint8Array, show: (byte: number) => string): string {
  return asLatin1(bytes).replace(TEXT_OR_BYTE, (_, good: string | undefined, odd: string | undefined) =>
    good === undefined ? show(odd!.charCodeAt(0)) : Buffer.from(good, 'latin1').toString('utf8'),
  );
}

/** Where the first odd byte stands; undefined: there is none. */
export function firstOddByte(bytes: Uint8Array): number | undefined {
  for (const { index, 2: odd } of asLatin1(bytes).matchAll(TEXT_OR_BYTE)) if (odd !== undefined) return index;
  return undefined;
}

function asLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
