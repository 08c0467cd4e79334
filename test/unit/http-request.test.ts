/** Requests as they are written, and what people and endpoints say in answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerFrom } from '../../src/model/step/http-answer.ts';
import { HttpRequestSchema } from '../../src/model/step/http-request.ts';
import { idempotencyKeyHeader } from '../../src/model/step/idempotency-key.ts';
import { MAX_RETRY_AFTER_MS, MIN_RETRY_AFTER_MS, retryAfterMs } from '../../src/effects/http/retry-after.ts';

test('the key is a string of structured fields: quoted', () => {
  assert.equal(idempotencyKeyHeader('8e03978e'), '"8e03978e"');
  assert.equal(idempotencyKeyHeader('a"b\\c'), String.raw`"a\"b\\c"`);
});

test('Retry-After: seconds or a date, bounded; what is neither says nothing', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfterMs('120', now), 120_000);
  assert.equal(retryAfterMs(' 0 ', now), MIN_RETRY_AFTER_MS);
  assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:01:00 GMT', now), 60_000);
  assert.equal(retryAfterMs('Thursday, 01-Jan-26 00:01:00 GMT', now), 60_000);
  assert.equal(retryAfterMs('Wed, 31 Dec 2025 23:00:00 GMT', now), MIN_RETRY_AFTER_MS, 'a time that has passed');
  assert.equal(retryAfterMs('999999999', now), MAX_RETRY_AFTER_MS);
  assert.equal(retryAfterMs('Fri, 01 Jan 2100 00:00:00 GMT', now), MAX_RETRY_AFTER_MS);
  for (const text of [null, '', 'soon', '-5', '1.5', '2026-01-01T00:01:00Z', 'Thu, 99 Jan 2026'])
    assert.equal(retryAfterMs(text, now), undefined, String(text));
});

test('what a person tells of a response is one, or its body', () => {
  const url = 'https://api.example.com/';
  assert.deepEqual(answerFrom({ status: 201, body: 'made' }, url), { status: 201, url, headers: {}, body: 'made' });
  assert.deepEqual(answerFrom({ status: 204 }, url), { status: 204, url, headers: {}, body: null });
  assert.deepEqual(answerFrom('made', url), { status: 200, url, headers: {}, body: 'made' });
  assert.deepEqual(answerFrom(null, url), { status: 200, url, headers: {}, body: null });
  assert.deepEqual(answerFrom({ status: 'paid' }, url), { status: 200, url, headers: {}, body: '{"status":"paid"}' });
});

test('parsing a parsed request changes nothing', () => {
  const parsed = HttpRequestSchema.parse({ url: 'https://api.example.com/' });
  assert.deepEqual(HttpRequestSchema.parse(parsed), parsed);
});
