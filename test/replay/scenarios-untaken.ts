/** What no worker takes within a limit. The recorder's is shorter: nobody waits for minutes. */
import { untilStatus } from '../support/job-status.ts';
import { until } from '../support/until.ts';
import { altered, withShortLimits } from '../support/impatient-bundle.ts';
import { base, write, type Scenario } from './scenario.ts';

const LIMIT_MS = 1_000;
const PLAN = { ...base, name: 'untaken', steps: [write('a'), write('b', ['a'])] };

export const UNTAKEN: Readonly<Record<string, Scenario>> = {
  // Of a job whose requests have limits without the marker, with a worker that knows none: as in a rolling upgrade.
  'untaken-work-failed-the-job': {
    input: { plan: PLAN },
    untaken: (code) => {
      const unmarked = altered(code, /\([^()]*isPatched\)\('what-no-worker-takes-is-told'\)/, 'true');
      return withShortLimits(
        altered(unmarked, /\.timeoutType === 'SCHEDULE_TO_START'/, ".timeoutType === ''"),
        LIMIT_MS,
      );
    },
  },
  'untaken-work-is-told-and-requested-again': {
    input: { plan: PLAN },
    untaken: (code) => withShortLimits(code, LIMIT_MS),
    during: async (handle, _workspace, { takeSteps }) => {
      await untilStatus(handle, (status) => status.waitsForWorker !== undefined);
      await takeSteps();
    },
  },
  // An operator completes the first comparison before any worker takes it.
  'completed-by-hand-and-requested-again': {
    input: { plan: PLAN },
    untaken: (code) => code,
    during: async (handle, _workspace, { takeSteps }) => {
      const { workflowId } = handle;
      const [pending] = await until(
        async () => (await handle.describe()).raw.pendingActivities ?? [],
        (all) => all.length > 0,
      );
      await handle.client.connection.workflowService.respondActivityTaskCompletedById({
        namespace: 'default',
        workflowId,
        activityId: pending!.activityId!,
        identity: 'an operator',
        result: {
          payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"kind":"verified"}') }],
        },
      });
      await untilStatus(handle, (status) => status.refusals.length > 0);
      await takeSteps();
    },
  },
};
