/** Wrong options of a worker, a client or a step's code are refused before anything is done. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { connectHoldfast } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/index.ts';
import { createWorker } from '../../src/worker.ts';

test("a connection that is configured wrong is told first, then keys that can't be used", async () => {
  const env = { HOLDFAST_ENCRYPTION_KEYS: 'no key' };
  await assert.rejects(createWorker({ env: { ...env, TEMPORAL_PROFILE: 'nowhere' } }), {
    type: 'bad-input',
    message: /^Temporal's client configuration cannot be read: .*nowhere/,
  });
  await assert.rejects(createWorker({ env }), { type: 'bad-input', message: /HOLDFAST_ENCRYPTION_KEYS/ });
});

test('a misspelled option of a worker, a client or a step is refused, with the one that was meant', async () => {
  const forWorker = { taskQeue: 'mine', env: {} };
  await assert.rejects(createWorker(forWorker), {
    type: 'bad-input',
    message: 'createWorker was given "taskQeue", which is unknown. Did you mean "taskQueue"?',
  });
  const forClient = { adress: '127.0.0.1:1', env: {} };
  await assert.rejects(connectHoldfast(forClient), {
    type: 'bad-input',
    message: 'connectHoldfast was given "adress", which is unknown. Did you mean "address"?',
  });
  const contract = defineStep({ name: 'pay', input: z.strictObject({}), output: z.strictObject({}) });
  const forStep = { compensat: () => undefined, version: '2' };
  assert.throws(() => implementStep(contract, () => ({}), forStep), {
    type: 'bad-input',
    message: 'implementStep of pay was given "compensat", which is unknown. Did you mean "compensate"?',
  });
});
