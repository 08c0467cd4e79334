/** Wrong options of a worker, a client or a step's code are refused before anything is done. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { addressOf, connectHoldfast } from '../../src/client.ts';
import { defineStep, implementStep, validatePlan, waitStep } from '../../src/index.ts';
import { openTestJob } from '../../src/testing.ts';
import { bundleWorkflows, createWorker } from '../../src/worker.ts';

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

test('a misspelled field of a contract, a test job, a bundle, an address or a check is refused likewise', async () => {
  const forContract = { name: 'pay', input: z.strictObject({}), output: z.strictObject({}), inputs: z.any() };
  assert.throws(() => defineStep(forContract), {
    type: 'bad-input',
    message: 'defineStep was given "inputs", which is unknown. Did you mean "input"?',
  });
  const forTest: object = { databses: { main: 'sqlite:a.db' } };
  assert.throws(() => openTestJob(forTest), { type: 'bad-input', message: /^openTestJob .*"databases"\?/ });
  const forBundle: object = { isEncryptd: true };
  await assert.rejects(bundleWorkflows(undefined, forBundle), { type: 'bad-input', message: /"isEncrypted"\?/ });
  const forAddress = { adress: '127.0.0.1:1', env: {} };
  assert.throws(() => addressOf(forAddress), { type: 'bad-input', message: /^addressOf .*"address"\?/ });
  const forCheck: object = { steps: [] };
  assert.throws(() => validatePlan({}, forCheck), { type: 'bad-input', message: /"knownSteps"\?/ });
});

test('a step of a test job, a decision and an undoing take no misspelled field', async () => {
  await using job = openTestJob();
  const misspelled: object = { stepID: 'a' };
  await assert.rejects(job.step(waitStep, { seconds: 1 }, misspelled), { type: 'bad-input', message: /"stepId"\?/ });
  const undoing: object = { releas: false };
  await assert.rejects(job.undo(undoing), { type: 'bad-input', message: /"release"\?/ });
});
