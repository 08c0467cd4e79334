/** Workflows of a program that has a Worker already: one that knows nothing of Holdfast, and one with a guarded job. */
import { proxyActivities } from '@temporalio/workflow';
import type { greetingActivities } from './greeting-activities.ts';

export { ownWorkflow } from './own-workflow.ts';

const { greet } = proxyActivities<typeof greetingActivities>({ startToCloseTimeout: '10 s' });

export interface Greeting {
  readonly text: string;
  /** A Date here, where the program's own payload converter knows dates. */
  readonly at: unknown;
}

export async function greeting(name: string, at: unknown): Promise<Greeting> {
  return { text: await greet(name), at: at instanceof Date ? new Date(at.getTime() + 1) : `no date but ${typeof at}` };
}
