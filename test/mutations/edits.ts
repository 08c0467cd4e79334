/** What a person puts in by hand in place of a step's code: test/mutations/*.ts. */
import type { Mutation } from './mutation.ts';

const ON_SERVER = ['test/integration/edit.test.ts'];

export const EDITS: readonly Mutation[] = [
  {
    guarantee: 'G3',
    breaks: 'an output that is put in need not fit the contract of the code',
    file: 'src/protocol/repair/edited-output.ts',
    find: "  if (isList !== true) return told(contract, output, 'output');",
    replace: '  if (isList !== true) return [];',
    tests: ON_SERVER,
    name: 'what does not fit is refused',
  },
  {
    guarantee: 'G3',
    breaks: 'values that do not fit the state are carried out all the same',
    file: 'src/workflows/gate/editing.ts',
    find: "    return [error.message.replace(/\\.$/, '')];",
    replace: '    return [];',
    tests: ON_SERVER,
    name: 'what does not fit is refused',
  },
  {
    guarantee: 'G1',
    breaks: 'what used the output of an edited step stays as it was',
    file: 'src/protocol/repair/edit.ts',
    find: '  const dependents = history.withDependents(recorded.map(({ stepId }) => stepId));',
    replace: '  const dependents = recorded.map(({ stepId }) => stepId).slice(0, 1);',
    tests: ON_SERVER,
    name: 'a Workflow of one’s own',
  },
  {
    guarantee: 'G5',
    breaks: 'what was put in stays in force where its step is to run again',
    file: 'src/workflows/gate/decisions.ts',
    find: '    edits.drop(stepIds);\n',
    replace: '',
    tests: ON_SERVER,
    name: 'what a step did, and what used it',
  },
  {
    guarantee: 'G5',
    breaks: 'a new Run forgets what people have put in',
    file: 'src/workflows/job/core.ts',
    find: '      ...edits.carried,\n',
    replace: '',
    tests: ON_SERVER,
    name: 'a Workflow of one’s own',
  },
];
