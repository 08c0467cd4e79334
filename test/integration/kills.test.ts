/**
 * One job, killed by SIGKILL at the first hit of every fault point in turn, each time restarted, ends by itself as if
 * it had never been killed. Each hit of each point alone, and PostgreSQL: test/fault/kill-matrix.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAULT_POINTS } from '../../src/store/fault-point.ts';
import { comparable, runUntilItEnds } from '../fault/support/kill-run.ts';

test('a job killed at every fault point ends as one that was not: world, rows, outputs, each effect once', async () => {
  const [reference, killed] = await Promise.all([runUntilItEnds({}), runUntilItEnds({ killOnceAt: 'every point' })]);
  const isReached = new Set(killed.killed);
  assert.deepEqual(
    // Activities are around the protocol: test/fault/kill-server.test.ts.
    FAULT_POINTS.filter((point) => !isReached.has(point) && !point.startsWith('activity.')),
    [],
    'points that the job never reaches',
  );
  assert.deepEqual(comparable(killed), comparable(reference));
  // A value is computed once more only where the process died between computing and recording it.
  assert.deepEqual(reference.onceCalls, { sample: 1, second: 1 });
  assert.deepEqual(killed.onceCalls, { sample: 2, second: 1 });
  assert.deepEqual(reference.effects, [1], 'one key, one effect');
});
