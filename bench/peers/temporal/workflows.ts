/** The five steps on bare Temporal, with Activities and with local ones. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from './activities.ts';

const STEPS = 5;

/** What notices a lost worker soon is the heartbeat; the retry policy is the default one, without an end. */
export async function byActivities(job: string): Promise<void> {
  const { act } = proxyActivities<Activities>({ startToCloseTimeout: '1 minute', heartbeatTimeout: '10 seconds' });
  for (let index = 1; index <= STEPS; index++) await act(job, index);
}

export async function byLocalActivities(job: string): Promise<void> {
  const { act } = proxyLocalActivities<Activities>({ startToCloseTimeout: '1 minute' });
  for (let index = 1; index <= STEPS; index++) await act(job, index);
}
