/** What a job changed is told as it was. */
import type { Mutation } from './mutation.ts';

const TESTS = ['test/integration/changes.test.ts'];

export const CHANGES: readonly Mutation[] = [
  {
    guarantee: 'T',
    breaks: 'what a resource was before a job is what it was before its last change',
    file: 'src/model/record/net-changes.ts',
    find: 'if (earlier === undefined) return now;',
    replace: 'if (now !== undefined) return now;',
    tests: TESTS,
  },
  {
    guarantee: 'T',
    breaks: 'a patch of a text without its line end adds one',
    file: 'src/changes/patch.ts',
    find: '...lines].map((line) => `${line}\\n`)',
    replace: "...lines.filter((line) => !line.startsWith('\\\\'))].map((line) => `${line}\\n`)",
    tests: TESTS,
  },
  {
    guarantee: 'T',
    breaks: 'a commit of an export lacks what its step removed',
    file: 'src/changes/git-export.ts',
    find: 'if (isNothingForGit(state)) yield',
    replace: 'if (!isNothingForGit(state)) yield',
    tests: TESTS,
  },
];
