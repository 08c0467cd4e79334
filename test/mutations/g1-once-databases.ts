/** G1 for databases: what they do by themselves, and what is taken back in them. */
import type { Mutation } from './mutation.ts';

const REPAIR = ['test/integration/database-repair.test.ts'];

export const DATABASES_ONCE: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'a decision takes rows back before the statements that came after them',
    file: 'src/protocol/repair/running/database-changes.ts',
    find: 'changes: this.#changes.filter(({ database }) => database === name),',
    replace: `changes: this.#changes
        .filter(({ database }) => database === name)
        .toSorted((a, b) => Number('wanted' in b) - Number('wanted' in a)),`,
    tests: REPAIR,
    name: 'SQLite: a row and a statement',
  },
  {
    guarantee: 'G1',
    breaks: 'of two half-applied steps that run again the older is undone first',
    file: 'src/protocol/repair/answers/undo-intent.ts',
    find: 'ledger.openIntents(jobId).toReversed()',
    replace: 'ledger.openIntents(jobId)',
    tests: REPAIR,
    name: 'SQLite: of two half-applied',
  },
  {
    guarantee: 'G1',
    breaks: 'the term can be raised while a decision changes a database',
    file: 'src/protocol/repair/changes/databases.ts',
    find: 'if (fence !== undefined) await holdFence(',
    replace: 'if (fence?.term === -1) await holdFence(',
    tests: REPAIR,
    name: 'nobody raises the term',
  },
  {
    guarantee: 'G1',
    breaks: 'a transaction idles while large files are hashed, until the server ends it',
    file: 'src/protocol/commit/keep-alive.ts',
    find: 'if (!isAnswered || open.length === 0) return;',
    replace: 'if (!isAnswered || open.length >= 0) return;',
    tests: REPAIR,
    name: 'does not idle',
  },
];
