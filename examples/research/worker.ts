/** The worker. Runs by itself, or inside run.ts. */
import { createWorker, type HoldfastWorker } from 'holdfast/worker';
import { Model } from './model.ts';
import { researchSteps } from './steps.ts';

export const TASK_QUEUE = 'research-example';

/** @param model default: one that answers when it is asked again */
export async function makeWorker(model: Model = new Model()): Promise<HoldfastWorker> {
  return await createWorker({
    taskQueue: TASK_QUEUE,
    steps: researchSteps(model),
    workspaceRoot: import.meta.dirname,
  });
}

if (import.meta.main) {
  const worker = await makeWorker();
  process.once('SIGINT', () => worker.shutdown());
  console.log(`Polling Task Queue ${TASK_QUEUE}. Ctrl-C ends it.`);
  await worker.run();
}
