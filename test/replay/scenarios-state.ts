/** What a plan's state took in version 0.1. Recorded without the guards that came since. */
import { untilAsked, untilStatus } from '../support/job-status.ts';
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
  'a-step-is-put-in-by-hand': {
    input: {
      plan: {
        ...base,
        name: 'edited',
        state: { all: { reducer: 'append' } },
        steps: [
          { ...write('a'), state: { all: '${{ output.path }}' } },
          { ...write('b', ['a']), state: { all: '${{ output.path }}' } },
          { ...write('c', ['b']), approval: 'before-apply' },
        ],
      },
    },
    during: async (handle) => {
      const first = await untilAsked(handle);
      const who = { by: 'someone@example.com', reason: 'recorded for replay' };
      await handle.executeUpdate('updateState', { args: [{ asNode: 'b', values: { all: 'by hand' }, ...who }] });
      const { questions } = await untilStatus(
        handle,
        ({ questions: [one] }) => one !== undefined && one.digest !== first.digest,
      );
      await handle.signal('decide', decision(questions[0]!.digest, 'approve'));
    },
  },
};
