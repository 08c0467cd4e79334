/** The worker: knows the Workflow and the steps' code. Runs by itself, or inside run.ts. */
import { createWorker, type HoldfastWorker } from 'holdfast/worker';
import { steps } from './steps.ts';

export const TASK_QUEUE = 'own-workflow';

export async function makeWorker(): Promise<HoldfastWorker> {
  return await createWorker({
    taskQueue: TASK_QUEUE,
    steps,
    workflowsPath: new URL('./workflow.ts', import.meta.url).href,
    workspaceRoot: import.meta.dirname,
  });
}

if (import.meta.main) {
  const worker = await makeWorker();
  process.once('SIGINT', () => worker.shutdown());
  console.log(`Polling Task Queue ${TASK_QUEUE}. Ctrl-C ends it.`);
  await worker.run();
}
