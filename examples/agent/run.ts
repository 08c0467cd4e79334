/**
 * Makes a repository with a failing test and lets an agent mend it. Shows what is asked, answers, and prints what the
 * agent changed. With --wait it leaves the answers to you.
 */
import path from 'node:path';
import { connectHoldfast } from 'holdfast/client';
import { jobPatch } from 'holdfast/changes';
import { ModelServer } from './model-server.ts';
import { makeRepository } from './repository.ts';
import { findOrStartServer } from './temporal-server.ts';
import { makeWorker, TASK_QUEUE } from './worker.ts';
import type { mend } from './workflow.ts';

const isWaiting = process.argv.includes('--wait');
const workflowId = `mend-${Date.now()}`;
const workspace = `work/${workflowId}`;
const folder = path.join(import.meta.dirname, workspace);
await makeRepository(folder);

const recorded = await ModelServer.openUnlessGiven();
await using _server = await findOrStartServer();
const worker = await makeWorker(import.meta.dirname);
const working = worker.run();
await using client = await connectHoldfast();
const job = await client.temporal.client.workflow.start<typeof mend>('mend', {
  workflowId,
  taskQueue: TASK_QUEUE,
  args: [
    {
      workspace,
      model: process.env['MODEL'] ?? 'recorded',
      task: 'A test of this repository fails: test/round.test.js. Find out why, and mend it.',
    },
  ],
});
console.log(`Workflow ${workflowId} has started in ${workspace}.`);

const shown = new Set<string>();
for await (const { questions } of client.watch(workflowId)) {
  for (const { digest, stepId = '', findings } of questions) {
    if (shown.has(digest)) continue;
    shown.add(digest);
    console.log(`\n${stepId} waits for a person:`);
    for (const { class: what, resource, difference } of findings)
      console.log(what === 'approval' ? difference : `${resource}\n${difference}`);
    if (isWaiting) {
      const answers = findings[0]?.answers.join(', ');
      console.log(`Answer with: ${asCommand(`npx holdfast decide ${workflowId} ANSWER --reason WHY`)}`);
      console.log(`ANSWER is one of ${answers}. Where the agent asks something, WHY is what it is told.`);
      continue;
    }
    const reason = stepId.endsWith('/ask') ? 'Up, as every till here does.' : 'This is what the test wants.';
    await client.decide(workflowId, { digest, answer: 'approve', by: 'run.ts', reason });
    console.log(`Answered: approve (${reason})`);
  }
}

console.log(`\nThe agent: ${await job.result()}`);
console.log(`\nWhat it changed (holdfast diff ${workspace} --patch):\n`);
console.log((await jobPatch(folder)).patch);
if (recorded !== undefined) console.log(`The model was asked ${recorded.asked.length} times.`);
recorded?.close();
worker.shutdown();
await working;

/** In another terminal, with the address of the server where this one does not have the usual. */
function asCommand(command: string): string {
  const address = process.env['TEMPORAL_ADDRESS'];
  return address === undefined ? command : `TEMPORAL_ADDRESS=${address} ${command}`;
}
