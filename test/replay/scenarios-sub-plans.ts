/** Plans within plans. */
import type { Connection } from '@temporalio/client';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { base, decision, write, type Scenario } from './scenario.ts';

const inner = { ...base, name: 'inner', input: { type: 'object', properties: { text: { type: 'string' } } } };

/** Two rounds of a plan, each a job of its own. */
const ROUNDS: Scenario = {
  input: {
    plan: {
      ...base,
      name: 'rounds',
      steps: [
        {
          id: 'again',
          use: 'plan.run',
          plan: { ...inner, steps: [write('a'), write('b', ['a'])] },
          workspace: 'again',
          with: { text: 'round ${{ round }}' },
          until: { ge: ['${{ round }}', 2] },
          maxRounds: 2,
        },
        write('after', ['again']),
      ],
    },
  },
};

const ASKING: Scenario['input'] = {
  plan: {
    ...base,
    name: 'asking',
    steps: [
      {
        id: 'one',
        use: 'plan.run',
        plan: { ...inner, steps: [write('a'), { ...write('b', ['a']), approval: 'before-apply' }] },
        workspace: 'one',
        with: { text: 'once' },
      },
    ],
  },
};

/** It is told so, and is undone before the job around it. */
const UNDONE: Scenario = {
  input: ASKING,
  during: async (handle) => {
    const sub = handle.client.getHandle(await subJobOf(handle));
    await untilAsked(sub);
    await handle.signal('abort', { by: 'someone@example.com', reason: 'recorded for replay', compensate: true });
  },
};

/** A reset comes to the job that the Run before has started. */
const AFTER_RESET: Scenario = {
  input: ASKING,
  during: async (handle) => {
    const job = await subJobOf(handle);
    const sub = handle.client.getHandle(job);
    const { digest } = await untilAsked(sub);
    const { events } = await handle.fetchHistory();
    const started = events!.findIndex((event) => event.startChildWorkflowExecutionInitiatedEventAttributes != null);
    const { runId } = await handle.describe();
    await (handle.client.connection as Connection).workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: handle.workflowId, runId },
      reason: 'recorded for replay',
      workflowTaskFinishEventId: events![started - 1]!.eventId!,
      requestId: 'recorded-for-replay',
    });
    const current = handle.client.getHandle(handle.workflowId);
    await untilStatus(current, ({ subPlans }) => subPlans?.[0]?.job === job);
    await sub.executeUpdate('decide', { args: [decision(digest, 'approve')] });
    await current.result();
  },
};

async function subJobOf(handle: Parameters<typeof untilStatus>[0]): Promise<string> {
  return (await untilStatus(handle, ({ subPlans }) => subPlans !== undefined)).subPlans![0]!.job;
}

export const SUB_PLANS: Readonly<Record<string, Scenario>> = {
  'sub-plan-in-rounds': ROUNDS,
  'sub-plan-undone-with-its-job': UNDONE,
  'sub-plan-after-a-reset': AFTER_RESET,
};
