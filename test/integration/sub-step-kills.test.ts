/**
 * A step with sub-steps, killed by SIGKILL once at each point that comes with them, ends as one that was never killed.
 * Every point, and PostgreSQL: test/fault/sub-step-matrix.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparable, SubStepKills } from '../support/sub-step-kills.ts';

const POINTS = ['once.after', 'applying.after', 'commit.database-after', 'commit.file-renamed', 'record.before'];

test('a step with sub-steps that is killed at every turn ends as one that was not: each effect once', async () => {
  using kills = new SubStepKills();
  const [reference, killed] = await Promise.all([
    kills.untilItEnds('reference', {}),
    kills.untilItEnds('killed', { killOnceAt: POINTS }),
  ]);
  assert.deepEqual(reference.end, {
    output: { plain: 21, paid: 'charged once', pair: ['left', 'right'], inner: 'deep', built: 'given\n' },
  });
  assert.deepEqual(comparable(killed), comparable(reference));
  assert.deepEqual(killed.killed.toSorted(), POINTS.toSorted());
  assert.deepEqual(reference.effects, [1], 'one key, one effect');
  assert.deepEqual(reference.ran, ['both', 'left', 'right', 'importing:deep:note', 'importing']);
});
