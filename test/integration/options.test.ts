/** Wrong options of `openJob`, `job.step` and `client.start` are refused at once. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import * as z from 'zod';
import { connectHoldfast } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/index.ts';
import { anyOptions } from '../support/any-options-workflow.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-options-'));
const LIMIT = { timeout: 60_000 };

testWorker(temporal, {
  taskQueue,
  root,
  workflows: new URL('../support/any-options-workflow.ts', import.meta.url).pathname,
});

after(() => rmSync(root, { recursive: true, force: true }));

/** What a job fails with that is given these options; undefined: it doesn't. */
async function failureOf(job: object, step: object = {}): Promise<string | undefined> {
  const workspace = temporal.unique('options');
  const handle = await temporal.client.workflow.start(anyOptions, {
    workflowId: workspace,
    taskQueue,
    args: [{ workspace, ...job }, step],
  });
  try {
    await handle.result();
  } catch (error) {
    assert.ok(error instanceof WorkflowFailedError);
    assert.equal(existsSync(join(root, workspace, 'a.txt')), false);
    return error.cause?.message;
  }
  assert.equal(readFileSync(join(root, workspace, 'a.txt'), 'utf8'), 'a');
  return undefined;
}

test('options of openJob that are misspelled or of a wrong form fail the job at once', LIMIT, async () => {
  for (const [options, message] of [
    [{ verifyAfter: 5 }, /^openJob was given .*verifyAfter: unknown field.*did you mean "verifyAfterMs"\?/],
    [{ watch: [{ kind: 'file', pth: 'a' }] }, /^openJob was given .*watch\[0\]\.path: is missing/],
    [{ verifyAfterMs: -1 }, /^openJob was given .*verifyAfterMs: is out of range/],
    [{ databases: { main: 5 } }, /^openJob was given .*databases\.main: has the wrong type/],
    [{ http: { hosts: ['a b'] } }, /^openJob was given hosts that cannot be called/],
  ] as const)
    assert.match((await failureOf(options)) ?? 'it has not failed', message);
});

test('options of a step that are misspelled or of a wrong form fail the job at once', LIMIT, async () => {
  for (const [options, message] of [
    [{ timeout: 5 }, /^Step write was given .*timeout: unknown field.*did you mean "timeoutMs"\?/],
    [{ retry: { maxAttempts: 0 } }, /^Step write was given .*retry\.maxAttempts: is out of range/],
    [{ retry: { initialIntervalMs: 9, maxIntervalMs: 1 } }, /^Step write was given .*longer than maxIntervalMs/],
    [{ approval: 'yes' }, /^Step write was given .*approval: is not one of/],
  ] as const)
    assert.match((await failureOf({}, { id: 'write', ...options })) ?? 'it has not failed', message);
});

test('options that are right, in part or absent, are taken', LIMIT, async () => {
  const job = { verifyAfterMs: 0, name: undefined, secrets: [], watch: [{ kind: 'file', path: 'b' }] };
  assert.equal(
    await failureOf(job, { retry: { maxAttempts: 2 }, timeoutMs: 5_000, uses: [], id: undefined }),
    undefined,
  );
});

test('client.start refuses an option that it does not know, and takes steps with or without their code', async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
  const plan = { schemaVersion: 1 as const, name: 'p', workspace: 'p', steps: [{ id: 'a', use: 'pai', with: {} }] };
  const contract = defineStep({ name: 'pay', input: z.strictObject({}), output: z.strictObject({}) });
  const misspelled = { workflowID: 'x', workspace: 'w' };
  await assert.rejects(client.start(plan, misspelled), {
    type: 'bad-input',
    message: 'client.start was given "workflowID", which is unknown. Did you mean "workflowId"?',
  });
  for (const step of [contract, implementStep(contract, () => ({}))])
    await assert.rejects(client.start(plan, { knownSteps: [step] }), {
      type: 'bad-plan',
      message: /did you mean "pay"\?/,
    });
  const unusable = [{ nam: 'pay' }] as unknown as readonly (typeof contract)[];
  await assert.rejects(client.start(plan, { knownSteps: unusable }), {
    type: 'bad-input',
    message: /^knownSteps\[0\] is no step/,
  });
});
