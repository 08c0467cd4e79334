/** A fork: of one moment, with nothing of the other job's but what was done, and the other job as it was. */
import type { Mutation } from './mutation.ts';

const WORLD = ['test/integration/fork-world.test.ts'];
const POSTGRES = ['test/fault/fork-postgres.test.ts'];
const READS = ['test/integration/fork-reads.test.ts'];
const BASE = ['test/fault/fork-base.test.ts'];
const EDIT = ['test/fault/fork-edit.test.ts'];

export const FORKS: readonly Mutation[] = [
  {
    guarantee: 'G2',
    breaks: 'the base that a plan declares goes before the one that is given',
    file: 'src/fork/databases.ts',
    find: 'destination.base ?? (tables === undefined ? undefined : destination.ownBase);',
    replace: 'destination.ownBase ?? destination.base;',
    tests: BASE,
    name: 'begun with the base of the plan',
  },
  {
    guarantee: 'G2',
    breaks: 'a copy of a database is taken back although its rows are not as the record has them',
    file: 'src/fork/rows.ts',
    find: '  if (differ.length === 0) return;\n  const named',
    replace: '  if (differ.length >= 0) return;\n  const named',
    tests: WORLD,
    name: 'rows and files that are not as the record has them',
  },
  {
    guarantee: 'G1',
    breaks: 'a finished step of the other job runs again in a fork',
    file: 'src/store/ledger/records.ts',
    find: '      const token = tokenOf({ jobId, stepId, generation });\n',
    replace: '      const token = tokenOf({ jobId: from, stepId, generation });\n',
    tests: WORLD,
    name: 'what was done is known as done',
  },
  {
    guarantee: 'G1',
    breaks: 'what another job did is undone in its fork',
    file: 'src/protocol/undo/plan/plan.ts',
    find: "    if (record.kind === 'forked') this.#forget();\n",
    replace: "    if (record.kind === 'forked') this.#void.clear();\n",
    tests: WORLD,
    name: 'in a fork nothing of the other job is undone',
  },
  {
    guarantee: 'G3',
    breaks: 'a statement that nothing undoes stays in the copy without a word',
    file: 'src/fork/roll-back.ts',
    find: '    else if (!keeps.has(record.stepId)) throw notUndone(record.stepId, effect.text);',
    replace: '    else if (keeps.size > 9) throw notUndone(record.stepId, effect.text);',
    tests: WORLD,
    name: 'a statement that nothing undoes',
  },
  {
    guarantee: 'G1',
    breaks: 'a fork that has begun is begun once more by the same command',
    file: 'src/store/ledger/pending-fork.ts',
    find: '    meta.remove(KEY);\n',
    replace: '',
    tests: WORLD,
    name: 'the same command finds the fork',
  },
  {
    guarantee: 'G4',
    breaks: 'a fork runs before what it was made with is put in',
    file: 'src/workflows/job/going-back.ts',
    find: 'if (this.#fork?.edit !== undefined) await this.#editFork',
    replace: 'if (this.#fork?.edit !== undefined) void this.#editFork',
    tests: EDIT,
    name: 'counts before its first step',
  },
  {
    guarantee: 'G4',
    breaks: 'a fork that is reset puts in once more what it was made with',
    file: 'src/workflows/job/going-back.ts',
    find: 'persistently(edit, { seq, head })',
    replace: 'persistently(edit)',
    tests: EDIT,
    name: 'reset to its beginning',
  },
  {
    guarantee: 'G2',
    breaks: 'a base on which a row is not as it was before the step is taken',
    file: 'src/fork/roll-forward.ts',
    find: '  if (!sameState(found!, before))\n',
    replace: '  if (found === undefined)\n',
    tests: POSTGRES,
    name: 'a database that is not empty',
  },
  {
    guarantee: 'G2',
    breaks: 'what a base and the steps come to is not compared with the record',
    file: 'src/fork/roll-forward.ts',
    find: '  await mustBe(transaction, rows, then,',
    replace: '  await mustBe(transaction, new Map(), then,',
    tests: POSTGRES,
    name: 'a database that is not empty',
  },
  {
    guarantee: 'G2',
    breaks: 'a file of a fork is not compared with the record as it is copied',
    file: 'src/fork/file-copy.ts',
    find: "hash('sha256', bytes) !== state.content",
    replace: "hash('sha256', bytes) === ''",
    tests: READS,
    name: 'is another by now',
  },
];
