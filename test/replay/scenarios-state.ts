/** What a plan's state took in version 0.1. Recorded without the guards that came since. */
import { untilAsked } from '../support/job-status.ts';
import { base, decision, write, type Scenario } from './scenario.ts';

/** More than 256 KiB of state from a small output. */
const LARGE = {
  ...write('large'),
  with: { path: `${'long'.repeat(50)}.txt`, content: 'large' },
  state: { all: Array.from({ length: 1_000 }, () => '${{ output }}') },
};

export const STATES: Readonly<Record<string, Scenario>> = {
  'parallel-writers-of-one-value-passed-over': {
    input: {
      plan: {
        ...base,
        name: 'writers',
        state: { last: {} },
        steps: ['a', 'b'].map((id) => ({ ...write(id), state: { last: '${{ output.path }}' } })),
      },
    },
  },
  'a-large-state-is-asked-about': {
    input: { plan: { ...base, name: 'large', state: { all: { reducer: 'append' } }, steps: [LARGE] } },
    during: async (handle) => {
      const question = await untilAsked(handle);
      await handle.signal('decide', decision(question.digest, 'abort'));
    },
  },
};
