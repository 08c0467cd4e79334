/** Lists whose items are steps of their own, and what a Run of a plan is not given of earlier ones. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { base, decision, write, type Scenario } from './scenario.ts';

/** The items of a list run in several Runs; a person changes what one of them wrote, and has it run again. */
const LIST: Scenario = {
  input: {
    continueAsNewAfterEvents: 36,
    plan: {
      ...base,
      name: 'list',
      verifyAfterMinutes: 0.005,
      steps: [
        {
          id: 'each',
          use: 'file.write',
          forEach: { items: ['a', 'b', 'c', 'd', 'e', 'f'], atOnce: 2, within: 'workflow' },
          with: { path: '${{ item }}.txt', content: 'item ${{ index }}' },
        },
        { id: 'pause', use: 'wait', with: { seconds: 2 }, needs: ['each'] },
        {
          id: 'last',
          use: 'file.write',
          needs: ['pause'],
          with: { path: 'last.txt', content: '${{ steps.each.output[1].path }}' },
        },
      ],
    },
  },
  during: async (handle, workspace) => {
    await untilStatus(handle, ({ items }) => items?.[0]?.done === 6);
    writeFileSync(join(workspace, 'b.txt'), 'by a person');
    const question = await untilAsked(handle);
    await handle.executeUpdate('decide', { args: [decision(question.digest, 'rerun')] });
  },
};

/** Recorded with room for one output; its last Run is given that of one step of three, and does one more. */
const LEFT_OUT: Scenario = {
  input: {
    continueAsNewAfterEvents: 26,
    plan: {
      ...base,
      name: 'left-out',
      steps: [write('a'), write('b', ['a']), write('c', ['b']), write('d', ['c'])],
    },
  },
};

export const LISTS: Readonly<Record<string, Scenario>> = {
  'a-list-in-new-runs-first-run': { ...LIST, run: 'first' },
  'a-list-in-new-runs-last-run': LIST,
  // Before there was a recall.
  'what-a-plan-left-out-is-requested-again': LEFT_OUT,
  'what-a-plan-left-out-is-recalled': LEFT_OUT,
};
