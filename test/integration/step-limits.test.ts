/** The limits that a plan sets to its steps, from the plan to what a person sees, on a real server. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import type { Json } from '../../src/model/canonical-json.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { untilAsked } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-step-limits-'));

const begunAt: number[] = [];
const hang = implementStep(
  defineStep({ name: 'hang', input: z.strictObject({}), output: z.strictObject({}) }),
  async (ctx) => {
    begunAt.push(Date.now());
    // Code that ignores its signal.
    await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    await ctx.files.write('late.txt', 'late');
    return {};
  },
);
testWorker(temporal, { taskQueue, root, steps: [hang] });

after(() => rmSync(root, { recursive: true, force: true }));

async function start(step: Readonly<Record<string, unknown>>): ReturnType<typeof temporal.client.workflow.start> {
  begunAt.length = 0;
  const workspace = temporal.unique('limits');
  const plan = { schemaVersion: 1, name: 'limits', workspace, steps: [{ id: 'only', ...step }] };
  return await temporal.client.workflow.start(agentJob, {
    workflowId: workspace,
    taskQueue,
    args: [{ plan: plan as unknown as Json }],
  });
}

test('a step that hangs ends by its own limit, which counts as an attempt; then a person is asked', async () => {
  const handle = await start({
    use: 'hang',
    timeoutMs: 300,
    retry: { maxAttempts: 2, initialIntervalMs: 1, maxIntervalMs: 1 },
  });
  const { kind, findings } = await untilAsked(handle);
  assert.equal(kind, 'stuck');
  assert.match(findings[0]!.found.text, /did not end within 300 ms/);
  assert.equal(begunAt.length, 2, 'as many attempts as the plan gives');
  await handle.terminate();
});

test('the longest limit that a plan may set does not end a step at once', async () => {
  const handle = await start({
    use: 'command',
    with: { run: ['sleep', '0.2'], timeoutMs: 2_592_000_000 },
    timeoutMs: 2_592_000_000,
  });
  await handle.result();
});
