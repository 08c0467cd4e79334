/** G1 for undoing: what a job did is undone once, newest first. */
import { UNDOING } from './suites.ts';
import type { Mutation } from './mutation.ts';

export const UNDOING_ONCE: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'what a step did is undone in the order in which it was done',
    file: 'src/protocol/undo/inverse/invert.ts',
    find: 'of inUndoOrder(placed)) {',
    replace: 'of inUndoOrder(placed).toReversed()) {',
    tests: UNDOING,
    name: 'compensation may say|folder that the job made|is told what',
  },
  {
    guarantee: 'G1',
    breaks: 'steps are undone in the order in which they were done',
    file: 'src/protocol/undo/plan/plan.ts',
    find: '[...this.#records.values()].reverse().flatMap(',
    replace: '[...this.#records.values()].flatMap(',
    tests: UNDOING,
    name: 'SQLite: a saga',
  },
  {
    guarantee: 'G1',
    breaks: 'what a rerun has undone is undone again',
    file: 'src/protocol/undo/plan/changes-in-force.ts',
    find: 'last.recorded.open.delete(last.place);\n        last.recorded.undone.add(last.place);',
    replace: '',
    tests: UNDOING,
    name: 'was run again',
  },
  {
    guarantee: 'G1',
    breaks: 'an undoing that is recorded is done again',
    file: 'src/protocol/undo/undo-work.ts',
    find: 'if (done !== undefined) return this.result(done.record, done.at);',
    replace: '',
    tests: ['test/integration/compensate-job.test.ts'],
    name: 'answer is lost',
  },
  {
    guarantee: 'G1',
    breaks: 'a step runs although the job is being undone',
    file: 'src/protocol/step/run-work.ts',
    find: "if (state !== 'undoing' && state !== 'aborted') return this.#rejected(ledger) ??",
    replace: "if (state !== 'aborted') return undefined ??",
    tests: UNDOING,
    name: 'from the abort on',
  },
  {
    guarantee: 'G1',
    breaks: 'a compensation is not told of a call in doubt, nor is anybody asked',
    file: 'src/protocol/undo/undo-work.ts',
    find: 'undone.calls.filter(isInDoubt)',
    replace: 'undone.calls.filter(() => false)',
    tests: UNDOING,
    name: 'is settled before',
  },
  {
    guarantee: 'G1',
    breaks: 'a step that is half applied when its job is aborted is left so',
    file: 'src/protocol/undo/settle-job.ts',
    find: '(isUndoId(intent.stepId) ? [intent.stepId] : [])',
    replace: '[intent.stepId]',
    tests: UNDOING,
    name: 'half applied when',
  },
];
