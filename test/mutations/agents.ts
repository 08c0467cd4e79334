/** What an agent is promised: the model is asked once a turn, and what it was told stays true. */
import type { Mutation } from './mutation.ts';

const tests = ['test/integration/agents.test.ts'];
const name = 'a Workflow that starts anew repeats nothing';

export const AGENTS: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'a tool call that the model was told to have failed happens after a new start',
    file: 'src/protocol/step/failed-for-good.ts',
    find: 'return kept === undefined ? undefined',
    replace: 'return kept !== null ? undefined',
    tests,
    name,
  },
  {
    guarantee: 'G5',
    breaks: 'what a model was told of a change is not in the next Run',
    file: 'src/workflows/job/core.ts',
    find: 'decided: someOf(decided.latest)',
    replace: 'decided: undefined',
    tests,
    name,
  },
  {
    guarantee: 'G1',
    breaks: 'a failure that restarts the job is told to the model as news',
    file: 'src/agents/conversation.ts',
    find: 'this.#ended ??= { error };',
    replace: 'void error;',
    tests: ['test/unit/agents.test.ts'],
  },
];
