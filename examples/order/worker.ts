/** The worker. Runs by itself, or inside run.ts. */
import { createWorker, type HoldfastWorker } from 'holdfast/worker';
import { steps } from './steps.ts';

export const TASK_QUEUE = 'order-example';

export async function makeWorker(): Promise<HoldfastWorker> {
  return await createWorker({ taskQueue: TASK_QUEUE, steps, workspaceRoot: import.meta.dirname });
}
