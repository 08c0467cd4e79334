/**
 * SHA-256 digests as lower-case hex. Pure and the same inside a Workflow's sandbox (which has no `crypto`) and in Node.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import * as z from 'zod';
import { canonicalJson } from './canonical-json.ts';

const DIGEST = /^[0-9a-f]{64}$/;

/** 64 lower-case hex digits. */
export const DigestSchema = z.string().regex(DIGEST, 'expected a SHA-256 digest: 64 lower-case hex digits');
export type Digest = z.infer<typeof DigestSchema>;

/** A whole digest, not the first digits of one? */
export function isDigest(text: string | undefined): text is Digest {
  return text !== undefined && DIGEST.test(text);
}

/** SHA-256 of bytes, or of a string's UTF-8. */
export function sha256Hex(content: Uint8Array | string): Digest {
  return hashing(content);
}

type Hashing = (content: Uint8Array | string) => Digest;

let hashing: Hashing = (content) => bytesToHex(sha256(typeof content === 'string' ? utf8ToBytes(content) : content));

/** Where there is a faster SHA-256 than JavaScript's: four to ten times faster in Node. It must give the same. */
export function hashBy(native: Hashing): void {
  hashing = native;
}

/** SHA-256 over canonical JSON. @throws HoldfastError `not-json`. */
export function digestOf(value: unknown): Digest {
  return sha256Hex(canonicalJson(value));
}

/** The first 12 digits: enough for a person to tell two digests apart, as Git shows commits. */
export function shortDigest(digest: Digest): string {
  return digest.slice(0, 12);
}
