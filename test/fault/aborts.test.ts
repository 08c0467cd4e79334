/** What takes long is heard of while it runs, told of an abort, and cut off by it whatever it makes of it. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import * as z from 'zod';
import { HEARTBEAT_EVERY_MS } from '../../src/activities/heartbeat.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { stepRecordsOf } from '../support/ledger.ts';
import { statusOf } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-aborts-'));
const ABORT = { by: 'ada@example.com', reason: 'enough' };
/** Of a busy machine. */
const SLACK_MS = 1_500;
const BEYOND_THE_HEARTBEAT_TIMEOUT_MS = 13_000;

const seen = { starts: 0, abortedAtMs: 0, wentOn: 0 };

/** Waits until it is told to end, and then goes on as if nothing were. */
async function swallowing(ctx: StepContext, file: string): Promise<void> {
  await ctx.files.write(file, 'never');
  seen.starts += 1;
  await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
  seen.abortedAtMs = Date.now();
  await ctx.perform('late', { request: {}, run: () => (seen.wentOn += 1) }).catch(() => undefined);
}

const steps = [
  implementStep(defineStep({ name: 'swallows', input: z.object({}), output: z.object({}) }), async (ctx) => {
    await swallowing(ctx, 'never.txt');
    return {};
  }),
  implementStep(defineStep({ name: 'quiet', input: z.object({}), output: z.object({}) }), async () => {
    seen.starts += 1;
    await delay(BEYOND_THE_HEARTBEAT_TIMEOUT_MS);
    return {};
  }),
  implementStep(
    defineStep({ name: 'charged', input: z.object({}), output: z.object({}) }),
    async (ctx) => {
      await ctx.files.write('charged.txt', 'charged');
      return {};
    },
    { compensate: async (ctx) => await swallowing(ctx, 'compensated.txt') },
  ),
];
testWorker(temporal, { taskQueue, root, steps });
beforeEach(() => Object.assign(seen, { starts: 0, abortedAtMs: 0, wentOn: 0 }));
after(() => rmSync(root, { recursive: true, force: true }));

async function start(workspace: string, planned: readonly unknown[]): Promise<WorkflowHandle> {
  const plan = { schemaVersion: 1, name: 'aborts', workspace: 'unused', steps: planned };
  const workflowId = temporal.unique('aborts');
  return await temporal.client.workflow.start('agentJob', { workflowId, taskQueue, args: [{ plan, workspace }] });
}

/** After more than one heartbeat: each next one is as far away as it can be. */
async function abortOf(handle: WorkflowHandle, expected: RegExp): Promise<number> {
  await untilTrue(() => seen.starts === 1);
  await delay(2 * HEARTBEAT_EVERY_MS + 100);
  const askedAtMs = Date.now();
  await handle.signal('abort', ABORT);
  await assert.rejects(handle.result(), ({ cause }: Error) => expected.test((cause as Error).message));
  return seen.abortedAtMs - askedAtMs;
}

function nothingOf(workspace: string, file: string): void {
  assert.equal(seen.wentOn, 0, 'a call after the abort');
  assert.equal(existsSync(join(root, workspace, file)), false);
}

test(
  'a running step is told of an abort within a heartbeat; swallowing it, it is not done',
  { timeout: 30_000 },
  async () => {
    const handle = await start('swallows', [{ id: 'swallows', use: 'swallows' }]);
    const tookMs = await abortOf(handle, /^Aborted by ada/);
    assert.ok(tookMs < HEARTBEAT_EVERY_MS + SLACK_MS, `${tookMs} ms`);
    nothingOf('swallows', 'never.txt');
    const { state, jobId } = await statusOf(handle);
    assert.equal(state, 'aborted');
    assert.deepEqual(stepRecordsOf(join(root, 'swallows'), jobId, 'swallows'), []);
  },
);

test(
  'an abort ends an undoing whose compensation is under way; nothing of that is applied',
  { timeout: 30_000 },
  async () => {
    const handle = await start('undone', [
      { id: 'charged', use: 'charged' },
      { id: 'pause', use: 'wait', with: { seconds: 600 }, needs: ['charged'] },
    ]);
    await untilTrue(() => existsSync(join(root, 'undone/charged.txt')));
    await handle.signal('abort', { ...ABORT, compensate: true });
    const tookMs = await abortOf(handle, /not undone to the end: Aborted by ada.*Left as they are: charged/);
    assert.ok(tookMs < HEARTBEAT_EVERY_MS + SLACK_MS, `${tookMs} ms`);
    nothingOf('undone', 'compensated.txt');
    assert.ok(existsSync(join(root, 'undone/charged.txt')), 'what the step did stays');
  },
);

test('a step that says nothing for longer than the heartbeat timeout runs once', { timeout: 60_000 }, async () => {
  const handle = await start('quiet', [{ id: 'quiet', use: 'quiet' }]);
  await handle.result();
  assert.equal(seen.starts, 1);
});
