/** The worker. Runs by itself, or inside run.ts. */
import { createWorker, type HoldfastWorker } from 'holdfast/worker';
import { Model } from './model.ts';
import { researchSteps } from './steps.ts';

export const TASK_QUEUE = 'research-example';

export async function makeWorker(): Promise<HoldfastWorker> {
  return await createWorker({
    taskQueue: TASK_QUEUE,
    steps: researchSteps(new Model()),
    workspaceRoot: import.meta.dirname,
  });
}

if (import.meta.main) {
  const worker = await makeWorker();
  process.once('SIGINT', () => worker.shutdown());
  console.log(`Polling Task Queue ${TASK_QUEUE}. Ctrl-C ends it.`);
  await worker.run();
}
