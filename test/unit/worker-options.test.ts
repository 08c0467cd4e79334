/** Wrong options of a worker are refused before it connects. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWorker } from '../../src/worker.ts';

test("a connection that is configured wrong is told first, then keys that can't be used", async () => {
  const env = { HOLDFAST_ENCRYPTION_KEYS: 'no key' };
  await assert.rejects(createWorker({ env: { ...env, TEMPORAL_PROFILE: 'nowhere' } }), {
    type: 'bad-input',
    message: /^Temporal's client configuration cannot be read: .*nowhere/,
  });
  await assert.rejects(createWorker({ env }), { type: 'bad-input', message: /HOLDFAST_ENCRYPTION_KEYS/ });
});
