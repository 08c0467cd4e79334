import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { toCents } from '../src/round.js';

// A command's effect that would show if it were applied twice: a line a run.
appendFileSync('test-runs.log', 'the tests ran\n');

test('an amount is rounded to whole cents', () => {
  assert.equal(toCents(1.239), 1.24);
  assert.equal(toCents(1.231), 1.23);
});
