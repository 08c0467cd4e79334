/** A Workflow of one's own that fails by an Activity of Holdfast's, which is given a request that it can't read. */
import { proxyActivities } from '@temporalio/workflow';

const { runStep } = proxyActivities<{ runStep(request: unknown): Promise<unknown> }>({
  startToCloseTimeout: '10 seconds',
  retry: { maximumAttempts: 1 },
});

export async function failsInAnActivity(): Promise<void> {
  await runStep({ no: 'request' });
}
