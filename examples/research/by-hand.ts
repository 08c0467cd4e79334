/** The model is down: the analysis is put in by hand as the node `analyse`, and the report is written from it. */
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readPlan } from 'holdfast';
import { connectHoldfast } from 'holdfast/client';
import { Model } from './model.ts';
import { makeWorker, TASK_QUEUE } from './worker.ts';

const plan = readPlan(await readFile(path.join(import.meta.dirname, 'plan.yaml'), 'utf8'), 'plan.yaml');
const workspace = `work/${Date.now()}`;
await cp(path.join(import.meta.dirname, 'sources'), path.join(import.meta.dirname, workspace, 'sources'), {
  recursive: true,
});

const worker = await makeWorker(new Model({ isDown: true }));
const working = worker.run();
await using client = await connectHoldfast({ taskQueue: TASK_QUEUE });
const { workflowId } = await client.start(plan, { input: { workspace, topic: 'wind', sources: ['north', 'harbour'] } });
console.log(`${workflowId} in ${workspace}`);

for await (const { questions } of client.watch(workflowId)) {
  const [asked] = questions;
  if (asked === undefined) continue;
  console.log(`  asked: ${asked.why}`);
  break;
}
const { asNode } = await client.updateState(workflowId, {
  asNode: 'analyse',
  output: { summary: 'A person says: strong from the north, calm in the harbour.', sources: 2 },
  by: 'you@example.com',
  reason: 'the model is down',
});
console.log(`  ${asNode}: put in by hand`);
await client.result(workflowId, { wait: true });
console.log(await readFile(path.join(import.meta.dirname, workspace, 'report.md'), 'utf8'));
console.log(`Its history: holdfast checkpoints ${path.join(import.meta.dirname, workspace)}`);

worker.shutdown();
await working;
