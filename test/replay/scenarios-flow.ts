/** Conditions, rounds and automatic resumes of a plan. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilStatus } from '../support/job-status.ts';
import { base, type Scenario } from './scenario.ts';

/** Rounds run in several Runs; one step is skipped, and one fails until a person has put a file there. */
const FLOW: Scenario = {
  input: {
    continueAsNewAfterEvents: 36,
    plan: {
      ...base,
      name: 'flow',
      steps: [
        {
          id: 'round',
          use: 'file.write',
          until: { eq: ['${{ round }}', 6] },
          maxRounds: 9,
          with: { path: '${{ round }}.txt', content: 'after ${{ round }}' },
        },
        {
          id: 'never',
          use: 'file.write',
          needs: ['round'],
          when: { eq: ['${{ steps.round.output.path }}', 'other.txt'] },
          with: { path: 'never.txt', content: '' },
        },
        {
          id: 'look',
          use: 'command',
          needs: ['round'],
          with: { run: ['test', '-e', 'ready.txt'], paths: ['ready.*'] },
          retry: { maxAttempts: 1 },
          resume: { atMost: 50, afterSeconds: 1 },
        },
      ],
    },
  },
  during: async (handle, workspace) => {
    await untilStatus(handle, ({ resumed }) => resumed !== undefined);
    writeFileSync(join(workspace, 'ready.txt'), 'by a person');
  },
};

export const FLOWS: Readonly<Record<string, Scenario>> = {
  'rounds-in-new-runs-first-run': { ...FLOW, run: 'first' },
  'rounds-in-new-runs-last-run': FLOW,
};
