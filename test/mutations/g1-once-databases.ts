/** G1 for databases: what they do by themselves, and what is taken back in them. */
import type { Mutation } from './mutation.ts';

const ACTS = ['test/integration/database-own-acts.test.ts'];
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
  {
    guarantee: 'G1',
    breaks: 'rows that a foreign key takes along are not in the record',
    file: 'src/protocol/commit/watched-rows.ts',
    find: "if (act === 'delete') return onDelete;",
    replace: "if (act === 'delete') return 'none';",
    tests: ACTS,
    name: 'SQLite: rows that a foreign key deletes',
  },
  {
    guarantee: 'G1',
    breaks: "a trigger's change of a recorded row is somebody's drift",
    file: 'src/protocol/commit/recorded-rows.ts',
    find: 'acts.length > 0 || keys.some(',
    replace: 'acts.length < 0 || keys.some(',
    tests: ACTS,
    name: 'SQLite: a trigger changes what',
  },
  {
    guarantee: 'G1',
    breaks: 'what the database did by itself is put back before what makes it act again',
    file: 'src/model/record/effect.ts',
    find: 'return [...asked.reverse(), ...effects.filter(({ effect }) => isByDatabase(effect))];',
    replace: 'return asked.length < 0 ? effects : effects.toReversed();',
    tests: ACTS,
    name: 'SQLite: a counter that triggers keep',
  },
  {
    guarantee: 'G1',
    breaks: 'what a trigger changed unrecorded is not named',
    file: 'src/protocol/undo/inverse/invert.ts',
    find: 'of record.unrecorded ?? []) inversion.leave(what, why);',
    replace: "of record.unrecorded ?? []) if (what === '') inversion.leave(what, why);",
    tests: ACTS,
    name: 'SQLite: what a trigger changed and',
  },
  {
    guarantee: 'G1',
    breaks: 'a row that a trigger has kept away is recorded as written',
    file: 'src/protocol/commit/as-asked.ts',
    find: 'if (found === undefined) return;',
    replace: 'if (found === undefined || row.isUnmade || !row.isUnmade) return;',
    tests: ACTS,
    name: 'SQLite: a trigger that ignores an insert',
  },
  {
    guarantee: 'G1',
    breaks: 'two spellings of a key are two rows to the record',
    file: 'src/protocol/commit/row-spelling.ts',
    find: 'if (canonicalJson(key) === canonicalJson(change.key)) return change;',
    replace: "if (canonicalJson(key) !== '') return change;",
    tests: ['test/integration/row-spelling.test.ts'],
    name: 'SQLite: parallel steps',
  },
];
