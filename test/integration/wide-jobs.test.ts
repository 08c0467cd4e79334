/** Many steps at once, and large inputs: a job asks for so many as the server takes, on a real server. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type protos from '@temporalio/proto';
import * as z from 'zod';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-wide-'));

let running = 0;
let most = 0;
const read = implementStep(
  defineStep({
    name: 'read',
    input: z.strictObject({ text: z.string(), ms: z.int() }),
    output: z.strictObject({ n: z.int() }),
  }),
  async (_ctx, { text, ms }) => {
    running += 1;
    most = Math.max(most, running);
    await delay(ms);
    running -= 1;
    return { n: text.length };
  },
);

testWorker(temporal, { taskQueue, root, steps: [read] });

after(() => rmSync(root, { recursive: true, force: true }));

/** Bytes of each step's request, as the history holds it. */
function requestSizes({
  events,
}: {
  readonly events?: protos.temporal.api.history.v1.IHistoryEvent[] | null;
}): number[] {
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
    scheduled?.activityType?.name === 'runStep' ? [scheduled.input!.payloads![0]!.data!.byteLength] : [],
  );
}

async function widest(count: number, text: string, ms: number): Promise<{ most: number; handle: WorkflowHandle }> {
  most = 0;
  const steps = Array.from({ length: count }, (_, index) => ({
    id: `s${index}`,
    use: 'read',
    with: { text: '${{ input.text }}', ms },
  }));
  const input = { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] };
  const workspace = temporal.unique('wide');
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: workspace,
    taskQueue,
    args: [{ plan: { schemaVersion: 1, name: 'wide', workspace, input, steps }, input: { text } }],
  });
  const { outputs } = await handle.result();
  assert.equal(Object.keys(outputs).length, count);
  return { most, handle };
}

test('of many steps that may run at once fifty do, and the others follow', async () => {
  const { most, handle } = await widest(70, 'x', 800);
  assert.ok(most <= 50 && most > 1, `${most} at once`);
  const [first, ...others] = requestSizes(await handle.fetchHistory());
  // What is sent with a step names none of the others; the first has the job's checkpoint: a hundred names at most.
  assert.ok(Math.max(...others) < 500, `${Math.max(...others)} bytes`);
  assert.ok(first! < 2_000, `${first} bytes`);
});

test('of steps with large inputs as many run at once as one message to the server holds', async () => {
  const { most } = await widest(12, 'x'.repeat(400_000), 50);
  assert.ok(most <= 5 && most > 1, `${most} at once`);
});
