/** A saver waits out what passes by itself at a store, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../../src/model/failure.ts';
import { patient, type ThreadStore } from '../../src/langgraph/patient-store.ts';

function failing(times: number, type: 'busy' | 'permission-denied'): { store: ThreadStore; asked: () => number } {
  let asked = 0;
  const get = async (): Promise<undefined> => {
    asked += 1;
    if (asked <= times) throw new HoldfastError(type, 'not now');
  };
  return { store: { get } as unknown as ThreadStore, asked: () => asked };
}

test('a store that is busy is asked again, and again until patience ends', async () => {
  const soon = failing(3, 'busy');
  await patient(soon.store).get('t', 0);
  assert.equal(soon.asked(), 4);
  const never = failing(Number.POSITIVE_INFINITY, 'busy');
  await assert.rejects(patient(never.store, 50).get('t', 0), /not now/);
  assert.ok(never.asked() > 1);
});

test('a store that refuses is asked once', async () => {
  const denied = failing(1, 'permission-denied');
  await assert.rejects(patient(denied.store).get('t', 0), /not now/);
  assert.equal(denied.asked(), 1);
});
