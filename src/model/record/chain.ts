/** The hash chain over the records: head(n) = SHA-256(head(n-1) + record n). */
import { canonicalJson } from '../canonical-json.ts';
import { sha256Hex, type Digest } from '../digest.ts';
import type { ChainRecord } from './record.ts';

/** The head before the first record. */
export const GENESIS: Digest = '0'.repeat(64);

export function nextHead(previous: Digest, recordText: string): Digest {
  return sha256Hex(`${previous}\n${recordText}`);
}

export function recordText(record: ChainRecord): string {
  return canonicalJson(record);
}
