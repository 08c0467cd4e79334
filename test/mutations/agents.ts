/** What an agent is promised: the model is asked once a turn, and what it was told stays true. */
import type { Mutation } from './mutation.ts';

const tests = ['test/fault/agents-told.test.ts'];
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
  {
    guarantee: 'G6',
    breaks: 'a file that a step only read is said to be replaced where the step runs again',
    file: 'src/model/question/answer-text.ts',
    find: ' && wasOnlyRead !== true',
    replace: '',
    tests: ['test/unit/cli-show.test.ts'],
  },
  {
    guarantee: 'G6',
    breaks: 'a model is not told why the former content of a file that was only read is missing',
    file: 'src/protocol/workspace/difference.ts',
    find: 'const options = wasOnlyRead ?',
    replace: 'const options = wasOnlyRead && path === undefined ?',
    tests: ['test/fault/agents-anew.test.ts'],
    name: 'a watched model is asked in turns',
  },
  {
    guarantee: 'G2',
    breaks: 'a new Run that requests a step with another input is given the result of the first',
    file: 'src/workflows/job/step-calls.ts',
    find: '(this.#earlier.get(stepId) ?? call.mark) !== call.mark',
    replace: 'this.#earlier.size < 0',
    tests: ['test/fault/agents-anew.test.ts'],
    name: 'where it calls otherwise, a person is',
  },
];
