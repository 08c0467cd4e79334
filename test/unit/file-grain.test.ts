/** Time stamps of filesystems that count whole seconds. */
import assert from 'node:assert/strict';
import type { BigIntStats } from 'node:fs';
import { test } from 'node:test';
import { isYoung } from '../../src/effects/files/grain.ts';
import { isStillAsHashed, stampOf } from '../../src/effects/files/sighting.ts';

const SECOND = 1_000_000_000n;

test('a file that was written in the second in which it was seen is young where stamps are whole seconds', () => {
  const coarse = { ctimeNs: 50n * SECOND, mtimeNs: 50n * SECOND };
  assert.equal(isYoung(coarse, 51n * SECOND), true);
  assert.equal(isYoung(coarse, 53n * SECOND), false);
  const fine = { ctimeNs: 50n * SECOND + 1n, mtimeNs: 50n * SECOND };
  assert.equal(isYoung(fine, 51n * SECOND), false, 'a modification time that was set says nothing');
});

test('stamps of whole seconds vouch for no content that was hashed within them', () => {
  const stat = { dev: 1n, ino: 2n, size: 3n, mode: 0o100644n, nlink: 1n, mtimeNs: 50n * SECOND, ctimeNs: 50n * SECOND };
  const vouches = (takenAtMs: number): boolean => {
    const stats = stat as unknown as BigIntStats;
    return isStillAsHashed(stampOf(stats, takenAtMs), stats);
  };
  assert.equal(vouches(50_900), false);
  assert.equal(vouches(51_500), false);
  assert.equal(vouches(53_000), true);
});
