/** What walks of the model have found, taken away again. */
import type { Mutation } from './mutation.ts';

const tests = ['test/integration/model.test.ts'];

export const MODEL: readonly Mutation[] = [
  {
    guarantee: 'G5',
    breaks: 'a draft that is dropped drops the values that it has drawn',
    file: 'src/protocol/step/stale-draft.ts',
    find: 'ledger.once.handOn(work.token, claim.row.draft);',
    replace: '',
    tests,
    name: 'hands its values on',
  },
  {
    guarantee: 'G1',
    breaks: 'what was found stands in the place of older effects, too, when steps run again',
    file: 'src/protocol/repair/answers/rerun.ts',
    find: 'const isNewest = uri !== undefined && !met.has(uri);',
    replace: 'const isNewest = uri !== undefined;',
    tests,
    name: 'goes back to before both',
  },
  {
    guarantee: 'G2',
    breaks: 'only the oldest change of a row is told of what a decision has put back',
    file: 'src/protocol/repair/changes/databases.ts',
    find: 'if (sameState(states[index]!, row.wanted)) reached.set(row.resource, row);',
    replace: 'if (sameState(states[index]!, row.wanted) && row === rows.at(-1)) reached.set(row.resource, row);',
    tests,
    name: 'what a person had accepted',
  },
  {
    guarantee: 'G6',
    breaks: 'a Workflow that was reset goes on from a step that a forgotten decision took back',
    file: 'src/protocol/verify/ledger-problems.ts',
    find: '...forgotten.takenBack.map(',
    replace: '...[].map(',
    tests,
    name: 'reset to before a decision',
  },
  {
    guarantee: 'G3',
    breaks: 'a row that is to be overwritten after its COMMIT is not made so',
    file: 'src/protocol/commit/apply-databases.ts',
    find: 'await overwriteCommitted(application, database, rowChanges(effects));',
    replace: 'undefined as ApplyObstacle | undefined;',
    tests,
    name: 'says overwrite',
  },
  {
    guarantee: 'G3',
    breaks: 'what a person lets stay as it is is undone with an earlier step that had written it',
    file: 'src/protocol/repair/answers/rerun.ts',
    find: "new Set<Answer>(['skip', 'overwrite'])",
    replace: 'new Set<Answer>([])',
    tests,
    name: 'lets stay as it is',
  },
  {
    guarantee: 'G1',
    breaks: 'a record of an earlier generation is asked for by its step when it is undone',
    file: 'src/protocol/step/admission.ts',
    find: 'if (isUndoId(request.stepId)) return undefined;',
    replace: '',
    tests,
    name: 'is undone with the job',
  },
];
