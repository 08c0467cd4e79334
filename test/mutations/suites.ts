/** Suites of several files that many mutations name. */
export const KILLS = ['test/integration/kills.test.ts'];
export const DRIFT = ['test/integration/drift.test.ts'];
export const UNDOING = ['test/integration/compensate.test.ts'];
export const DECISIONS = ['test/integration/decisions.test.ts', 'test/integration/decisions-repair.test.ts'];
