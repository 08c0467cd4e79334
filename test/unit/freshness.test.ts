/** Whether a comparison is recent enough, by the host's clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparedSince, whyNotFresh } from '../../src/protocol/step/freshness.ts';
import type { JobRow } from '../../src/store/ledger/jobs.ts';

const MINUTE_MS = 60_000;
const at = (minutes: number, bootId = 'boot'): { bootId: string; bootMs: number } => ({
  bootId,
  bootMs: minutes * MINUTE_MS,
});
const comparedAt = (minutes: number): JobRow =>
  ({ fresh: at(minutes), markOrdinal: 7, settings: { verifyAfterMs: 10 * MINUTE_MS } }) as unknown as JobRow;

test('a comparison counts as long as the job says, by one clock', () => {
  assert.equal(whyNotFresh(comparedAt(100), at(110)), undefined);
  assert.match(whyNotFresh(comparedAt(100), at(111))!.detail, /^660 s passed/);
  assert.match(whyNotFresh(comparedAt(100), at(101, 'another'))!.detail, /another clock/);
});

test('a comparison that lies ahead of the clock does not count: the machine was put back', () => {
  assert.match(whyNotFresh(comparedAt(100), at(40))!.detail, /behind/);
  assert.match(whyNotFresh(comparedAt(100), at(40), 7)!.detail, /behind/);
});

test('a comparison counts from its beginning; a long one leaves half of the time that the job allows', () => {
  assert.deepEqual(comparedSince(at(100), at(102), 10 * MINUTE_MS), at(100));
  assert.deepEqual(comparedSince(at(100), at(130), 10 * MINUTE_MS), at(125));
  assert.deepEqual(comparedSince(at(100), at(102), 0), at(102));
});
