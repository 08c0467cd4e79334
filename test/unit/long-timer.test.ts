/** A timer of any length. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longTimer } from '../../src/effects/long-timer.ts';

const DAY_MS = 86_400_000;
const LONGEST_OF_NODE_MS = 2 ** 31 - 1;

test('a timer of thirty days fires once, when they are over, and not when it was ended', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let over = 0;
  longTimer(30 * DAY_MS, () => (over += 1));
  longTimer(30 * DAY_MS, () => assert.fail('it was ended')).end();
  context.mock.timers.tick(LONGEST_OF_NODE_MS);
  context.mock.timers.tick(30 * DAY_MS - LONGEST_OF_NODE_MS - 1);
  assert.equal(over, 0);
  context.mock.timers.tick(1);
  assert.equal(over, 1);
  context.mock.timers.tick(30 * DAY_MS);
  assert.equal(over, 1);
});
