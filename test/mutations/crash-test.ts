/** The crash test finds what a retry does twice. */
import type { Mutation } from './mutation.ts';

export const CRASH_TEST: readonly Mutation[] = [
  {
    guarantee: 'T',
    breaks: 'a run with several kills that differs counts as the same',
    file: 'src/crash-test/run-cases.ts',
    find: "!== 'same') return cases;",
    replace: "=== 'stuck') return cases;",
    tests: ['test/fault/crash-test.test.ts'],
    name: 'each broken step is found',
  },
  {
    guarantee: 'T',
    breaks: 'a crash test counts no effect past ctx',
    file: 'src/crash-test/compare-effects.ts',
    find: 'return [...outsideEffects(undisturbed, run), ...requests(undisturbed, run), ...unsteady(run)];',
    replace: 'return [...requests(undisturbed, run), ...unsteady(run)];',
    tests: ['test/unit/crash-test.test.ts'],
  },
  {
    guarantee: 'T',
    breaks: 'a crash test compares no files',
    file: 'src/crash-test/compare.ts',
    find: '[...compareFiles(reference, run), ...compareTables(reference, run)]',
    replace: '[...compareTables(reference, run)]',
    tests: ['test/unit/crash-test.test.ts'],
  },
  {
    guarantee: 'T',
    breaks: 'two kills of one step share a run, of which only the first may be met',
    file: 'src/crash-test/together.ts',
    find: ' && !steps(run).includes(step)',
    replace: '',
    tests: ['test/unit/crash-test.test.ts'],
    name: 'share a run',
  },
];
