/**
 * Puts mails into a new workspace, starts the Workflow, approves what it asks, prints the summary.
 * With --wait it leaves the approval to you.
 */
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { connectHoldfast } from 'holdfast/client';
import { makeWorker, TASK_QUEUE } from './worker.ts';
import type { triageMails } from './workflow.ts';

const workflowId = `triage-${Date.now()}`;
const workspace = `work/${workflowId}`;
await cp(path.join(import.meta.dirname, 'mails'), path.join(import.meta.dirname, workspace, 'inbox'), {
  recursive: true,
});

const worker = await makeWorker();
const working = worker.run();
await using client = await connectHoldfast();
const job = await client.temporal.client.workflow.start<typeof triageMails>('triageMails', {
  workflowId,
  taskQueue: TASK_QUEUE,
  args: [{ workspace, approveAbove: 50 }],
});
console.log(`Workflow ${workflowId} has started in ${workspace}.`);

const shown = new Set<string>();
for await (const { questions } of client.watch(workflowId)) {
  for (const { digest, stepId, findings } of questions) {
    if (shown.has(digest)) continue;
    shown.add(digest);
    console.log(`\nStep ${stepId} asks before it applies:`);
    for (const { resource, difference } of findings) console.log(`${resource}\n${difference}`);
    if (process.argv.includes('--wait')) console.log(`Answer with: holdfast decide ${workflowId}`);
    else await client.decide(workflowId, { digest, answer: 'approve', by: 'run.ts', reason: 'an example' });
  }
}

console.log(`\n${JSON.stringify(await job.result())}`);
console.log(await readFile(path.join(import.meta.dirname, workspace, 'summary.md'), 'utf8'));
worker.shutdown();
await working;
