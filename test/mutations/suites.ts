/** Suites of several files that many mutations name. */
export const KILLS = ['test/integration/kills.test.ts'];
export const DRIFT = ['test/integration/drift.test.ts'];
export const UNDOING = [
  'test/integration/compensate.test.ts',
  'test/integration/compensate-changed.test.ts',
  'test/integration/compensate-code.test.ts',
];
export const DECISIONS = ['test/integration/decisions.test.ts', 'test/integration/decisions-repair.test.ts'];
export const CALLS = ['test/integration/perform.test.ts', 'test/integration/perform-doubt.test.ts'];
export const REQUESTS = ['test/integration/http.test.ts', 'test/integration/http-answers.test.ts'];
