import type { Mutation } from './mutation.ts';

const LISTS = ['test/integration/for-each.test.ts'];
const ON_SERVER = ['test/integration/for-each-items.test.ts'];

export const LIST_ITEMS: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'an item that a decision makes run again is not told to the plan',
    file: 'src/workflows/job/planned.ts',
    find: 'filter((id) => this.#graph.steps.has(planStepOf(id)))',
    replace: 'filter((id) => this.#graph.steps.has(id))',
    tests: ON_SERVER,
    name: 'one item whose file was changed',
  },
  {
    guarantee: 'G5',
    breaks: 'items that are done are requested again where one of them is void',
    file: 'src/model/plan/run/done-items.ts',
    find: '    if (list !== undefined && isList(list)) for',
    replace: '    if (place < 0 && list !== undefined && isList(list)) for',
    tests: ON_SERVER,
    name: 'one item whose file was changed',
  },
  {
    guarantee: 'G5',
    breaks: 'a new Run forgets which items are done',
    file: 'src/model/plan/run/progress.ts',
    find: '...defined({ items: someOf(ofLists) })',
    replace: '...defined({ items: someOf(ofLists.slice(0, 0)) })',
    tests: ON_SERVER,
    name: 'while a list is under way',
  },
  {
    guarantee: 'G5',
    breaks: 'no new Run begins while a list is under way',
    file: 'src/workflows/job/planned.ts',
    find: 'return (isShort || this.#core.isVeryLong) && this.#isNewRunDue(pause);',
    replace: 'return this.#core.isVeryLong && isShort && this.#isNewRunDue(pause);',
    tests: ON_SERVER,
    name: 'while a list is under way',
  },
  {
    guarantee: 'G1',
    breaks: 'items are begun although one has failed',
    file: 'src/model/plan/run/for-each.ts',
    find: "        this.#isOver = 'void';\n        throw error;\n",
    replace: '        throw error;\n',
    tests: ON_SERVER,
    name: 'onFailure: fail ends the job',
  },
  {
    guarantee: 'G1',
    breaks: 'what uses a list does not depend on its items',
    file: 'src/model/plan/run/recorded-sources.ts',
    find: '    if (hasParts) recorded.add(everyItemOf(source));\n',
    replace: '',
    tests: LISTS,
    name: 'a file of one item that somebody changed',
  },
  {
    guarantee: 'G1',
    breaks: 'what uses an empty list depends on nothing',
    file: 'src/model/plan/run/recorded-sources.ts',
    find: '    if (hasParts || step.use === waitStep.name) queue',
    replace: '    if (step.use === waitStep.name) queue',
    tests: LISTS,
    name: 'what uses an empty list',
  },
  {
    guarantee: 'G5',
    breaks: 'a list of outputs that is too large is found when all items have run',
    file: 'src/steps/for-each.ts',
    find: '        list.add(output);\n',
    replace: '',
    tests: LISTS,
    name: 'a list of outputs that is too large',
  },
];
