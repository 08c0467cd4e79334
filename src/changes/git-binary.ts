/** Contents as a patch of git's carries them: object ids, and bytes in base 85. */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';
const BYTES_A_LINE = 52;
const BYTES_A_GROUP = 4;
const CHARS_A_GROUP = 5;
const LETTERS = 26;

/** The id that git gives these bytes. */
export function objectIdOf(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
}

/** Of what isn't there. */
export const NO_OBJECT = '0'.repeat(40);

/** One side of a `GIT binary patch`: the whole content, compressed. */
export function binaryLiteral(bytes: Uint8Array): string {
  const packed = deflateSync(bytes);
  const lines: string[] = [];
  for (let at = 0; at < packed.byteLength; at += BYTES_A_LINE) {
    const line = packed.subarray(at, at + BYTES_A_LINE);
    lines.push(`${lengthLetter(line.byteLength)}${base85(line)}\n`);
  }
  return `literal ${bytes.byteLength}\n${lines.join('')}\n`;
}

/** A to Z stand for 1 to 26 bytes, a to z for 27 to 52. */
function lengthLetter(length: number): string {
  return String.fromCharCode(length <= LETTERS ? 64 + length : 96 + length - LETTERS);
}

function base85(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.byteLength; at += BYTES_A_GROUP) {
    let group = 0;
    for (let place = 0; place < BYTES_A_GROUP; place++) group = group * 256 + (bytes[at + place] ?? 0);
    let chars = '';
    for (let place = 0; place < CHARS_A_GROUP; place++) {
      chars = ALPHABET[group % 85]! + chars;
      group = Math.floor(group / 85);
    }
    text += chars;
  }
  return text;
}
