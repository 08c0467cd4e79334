/** One job: gather, analyse, report. Whatever changes is printed, and the failed analysis with it. */
import assert from 'node:assert/strict';
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readPlan } from 'holdfast';
import { connectHoldfast } from 'holdfast/client';
import { makeWorker, TASK_QUEUE } from './worker.ts';

const plan = readPlan(await readFile(path.join(import.meta.dirname, 'plan.yaml'), 'utf8'), 'plan.yaml');
const workspace = `work/${Date.now()}`;
await cp(path.join(import.meta.dirname, 'sources'), path.join(import.meta.dirname, workspace, 'sources'), {
  recursive: true,
});

const worker = await makeWorker();
const working = worker.run();
await using client = await connectHoldfast({ taskQueue: TASK_QUEUE });
const { workflowId } = await client.start(plan, { input: { workspace, topic: 'wind', sources: ['north', 'harbour'] } });
console.log(`${workflowId} in ${workspace}`);

const told = new Set<string>();
for await (const { steps, resumed = [] } of client.watch(workflowId))
  for (const line of [
    ...steps.map(({ id, state }) => `${id}: ${state}`),
    ...resumed.map(
      ({ stepId, number, atMost, failure }) => `${stepId}, resume ${number} of ${atMost}: ${failure.message}`,
    ),
  ])
    if (told.size < told.add(line).size) console.log(`  ${line}`);

const ended = await client.result(workflowId, { wait: true });
assert.equal(ended.outcome, 'completed');
console.log(await readFile(path.join(import.meta.dirname, workspace, 'report.md'), 'utf8'));

worker.shutdown();
await working;
