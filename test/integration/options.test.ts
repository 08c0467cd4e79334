/** Wrong options of `openJob`, `job.step`, `agentJob` and the client's calls are refused at once. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import * as z from 'zod';
import { connectHoldfast, HoldfastClient } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/index.ts';
import { anyOptions } from '../support/any-options-workflow.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-options-'));
const LIMIT = { timeout: 60_000 };
const writing = { id: 'write', use: 'file.write', with: { path: 'a.txt', content: 'a' } };

testWorker(temporal, {
  taskQueue,
  root,
  workflows: new URL('../support/any-options-workflow.ts', import.meta.url).pathname,
});

after(() => rmSync(root, { recursive: true, force: true }));

const DATABASES = { main: 'sqlite:main.db' };
const QUERY = { kind: 'query', name: 'n', database: 'main', sql: 'SELECT 1', params: [] };

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
    [{ watch: [{ kind: 'file', path: '../a' }] }, /watch\[0\]\.path.*leads out of the workspace/],
    [{ watch: [{ kind: 'file', path: 'a{1..3}' }] }, /watch\[0\]\.path.*holds the range/],
    [{ databases: DATABASES, watch: [QUERY, QUERY] }, /watch\[1\]\.name: "n" is already the name of watch\[0\]/],
    [{ watch: [{ ...QUERY, database: 'other' }] }, /watch\[0\]\.database.*other/],
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

test('a call of the client that is given what it does not know is refused before anybody is asked', async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
  const by = { by: 'ada@example.com', reason: 'test' };
  // As a program without types calls it. There is no such job: whoever asked for it would be told so.
  const any = client as unknown as Record<string, (...given: readonly unknown[]) => Promise<unknown>>;
  for (const [call, given, message] of [
    ['list', [{ stat: 'running' }], /^client.list was given "stat", which is unknown. Did you mean "state"\?/],
    ['list', [{ state: 'runing' }], /^client.list was given state "runing". Expected one of running, waiting/],
    ['list', [{ limit: 0 }], /^client.list was given limit 0. Expected a whole number/],
    ['list', [null], /^client.list was given null where options belong. Expected an object with state, limit/],
    ['decide', ['none', { ...by, answr: 'accept' }], /^client.decide was given "answr".*"answer"\?/],
    ['decide', ['none', { ...by, answer: 'accept' }, { vai: 'signal' }], /^client.decide was given "vai".*"via"\?/],
    ['decide', ['none', { ...by, answer: 'accept' }, { via: 'signl' }], /via "signl". Expected one of update, signal/],
    ['preview', ['none', { ...by, answr: 'accept' }], /^client.preview was given "answr".*"answer"\?/],
    ['cancel', ['none', { wiat: true }], /^client.cancel was given "wiat".*"wait"\?/],
    ['abort', ['none', by, { wiat: true }], /^client.abort was given "wiat".*"wait"\?/],
    ['abort', ['none', { ...by, compensat: true }], /"compensat" is unknown. Did you mean "compensate"\?/],
    ['result', ['none', { wiat: true }], /^client.result was given "wiat".*"wait"\?/],
  ] as const)
    await assert.rejects(async () => await any[call]!(...given), { type: 'bad-input', message });
  const interval: object = { intervalMS: 5 };
  assert.throws(() => client.watch('none', interval), {
    type: 'bad-input',
    message: /^client.watch was given "intervalMS".*"intervalMs"\?/,
  });
  const { temporal: own, address } = client;
  const queue = { ...own, address, taskQeue: 'mine' };
  assert.throws(() => new HoldfastClient(queue), { type: 'bad-input', message: /"namespace"|"taskQeue"/ });
});

test('what agentJob is started with and does not know, or cannot use, fails the job at once', LIMIT, async () => {
  const plan = { schemaVersion: 1, name: 'p', workspace: 'unused', steps: [writing] };
  const unlooked = { type: 'object', properties: { list: { type: 'array', minItems: 1 } } };
  const newer = /A field of a newer client needs workers that new/;
  for (const [args, message] of [
    [[{ plan, inputs: {} }], /^agentJob was given .*inputs: unknown field.*did you mean "input"\?/],
    [[{ plan, inputs: {} }], newer],
    [[{ plan, workspace: null }], /^agentJob was given .*workspace: has the wrong type; expected text; found null/],
    [[{ plan, continueAsNewAfterEvents: 0 }], /continueAsNewAfterEvents: is out of range/],
    [[{ plan: { ...plan, input: unlooked } }], /input\.properties\.list\.minItems: "minItems" means nothing without/],
    [[{ plan }, { input: {} }], /It takes one argument; found 2/],
    [[], /It is missing; expected an object/],
  ] as const) {
    const workflowId = temporal.unique('fields');
    const handle = await temporal.client.workflow.start('agentJob', { workflowId, taskQueue, args: [...args] });
    await assert.rejects(handle.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      assert.match(error.cause?.message ?? '', message);
      return true;
    });
    assert.equal(existsSync(join(root, 'unused')), false);
  }
});

test('a job that was under way before its fields were looked at goes on in its next Run', LIMIT, async () => {
  const workspace = temporal.unique('fields');
  const given = { plan: { schemaVersion: 1, name: 'p', workspace, steps: [writing] }, inputs: {} };
  const handle = await temporal.client.workflow.start('continuesAsAgentJob', {
    workflowId: workspace,
    taskQueue,
    args: [given],
  });
  await handle.result();
  assert.equal(readFileSync(join(root, workspace, 'a.txt'), 'utf8'), 'a');
});
