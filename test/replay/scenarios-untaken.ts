/** What no worker takes within a limit. The recorder's is shorter: nobody waits for minutes. */
import { untilStatus } from '../support/job-status.ts';
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
};
