/** One pool of connections a database and process, from its first user to its last. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinPool, leavePool } from '../../src/effects/database/postgres/shared-pools.ts';

test('a pool is shared while it has users, ended by the last, and never handed out after that', async () => {
  const options = { url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' };
  const first = joinPool(options);
  assert.equal(joinPool(options), first);
  assert.notEqual(joinPool({ ...options, applicationName: 'other' }), first);
  await leavePool(options, first);
  assert.equal(first.pool.ended, false);
  await leavePool(options, first);
  assert.equal(first.pool.ended, true);
  const next = joinPool(options);
  assert.notEqual(next, first);
  assert.equal(next.pool.ended, false);
  await leavePool(options, next);
});
