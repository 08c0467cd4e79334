/** A job that cannot go on says so. */
import type { Mutation } from './mutation.ts';

export const TOLD: readonly Mutation[] = [
  {
    guarantee: 'T',
    breaks: 'an Activity that fails for ever is seen by nobody',
    file: 'src/client/jobs.ts',
    find: '...(retrying.length > 0 && { retrying })',
    replace: '...(retrying.length < 0 && { retrying })',
    tests: ['test/integration/cli.test.ts'],
    name: 'fails for ever',
  },
  {
    guarantee: 'T',
    breaks: 'what a running step says of itself is seen by nobody',
    file: 'src/client/jobs.ts',
    find: '...(progress.length > 0 && { progress })',
    replace: '...(progress.length < 0 && { progress })',
    tests: ['test/integration/cli.test.ts'],
    name: 'says of itself',
  },
  {
    guarantee: 'T',
    breaks: 'a question is as long as what it is about',
    file: 'src/model/question/bounded-question.ts',
    find: 'staleSteps: finding.staleSteps.slice(0, MAX_LISTED_IN_PAYLOAD),',
    replace: 'staleSteps: finding.staleSteps,',
    tests: ['test/unit/question.test.ts'],
  },
  {
    guarantee: 'T',
    breaks: 'all steps that may run are requested at once',
    file: 'src/workflows/state/step-window.ts',
    find: 'return this.#steps < MAX_STEPS_AT_ONCE && this.#sizeBytes + sizeBytes <= MAX_BYTES_AT_ONCE;',
    replace: 'return this.#sizeBytes + sizeBytes <= 1000 * MAX_BYTES_AT_ONCE;',
    tests: ['test/integration/wide-jobs.test.ts'],
    name: 'of many steps',
  },
  {
    guarantee: 'T',
    breaks: 'a field that a contract would drop is dropped',
    file: 'src/protocol/step/contract-check.ts',
    find: 'if (unknown === undefined) return;',
    replace: 'if (unknown !== null) return;',
    tests: ['test/integration/bad-input.test.ts'],
    name: 'a field that the contract does not have',
  },
];
