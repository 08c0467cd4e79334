/** G5: a state is what was written to it, once, whoever was faster; what would be lost is a conflict. */
import type { Mutation } from './mutation.ts';

const CHANNELS = 'test/unit/state-channels.test.ts';
const OPEN_JOB = 'test/integration/open-job-state.test.ts';
const PLANS = 'test/unit/plan-state.test.ts';

export const STATES: readonly Mutation[] = [
  {
    guarantee: 'G5',
    breaks: 'of two steps that merge the same key at the same time one value is lost without a word',
    file: 'src/model/state/state-channels.ts',
    find: 'if (other === undefined || other.node === node ||',
    replace: 'if (true || other === undefined || other.node === node ||',
    tests: [CHANNELS, PLANS],
  },
  {
    guarantee: 'G5',
    breaks: 'two steps that replace the same key at the same time are let pass',
    file: 'src/model/plan/check/check.ts',
    find: '...checkParallelState(plan, graph),',
    replace: '',
    tests: [PLANS],
  },
  {
    guarantee: 'G5',
    breaks: 'of two steps that might have been skipped and both ran, one value is lost without a word',
    file: 'src/model/plan/run/job-state.ts',
    find: 'mayBeOld && isKnownConflict',
    replace: 'isKnownConflict',
    tests: [PLANS],
  },
  {
    guarantee: 'G5',
    breaks: 'more is written to the state at once than one request can carry',
    file: 'src/model/plan/run/job-state.ts',
    find: '    maxWrittenBytes: MAX_STATE_BYTES,\n',
    replace: '',
    tests: [PLANS],
  },
  {
    guarantee: 'G5',
    breaks: 'a super-step that fails is written in part',
    file: 'src/model/state/state-channels.ts',
    find: 'for (const undo of undos.toReversed()) undo();',
    replace: '',
    tests: [CHANNELS],
  },
  {
    guarantee: 'G5',
    breaks: 'the order of a set tells which step was faster',
    file: 'src/model/state/list-channels.ts',
    find: 'return items.sort(compareJson);',
    replace: 'return items;',
    tests: [CHANNELS],
  },
  {
    guarantee: 'G5',
    breaks: 'what was written before a state began anew is told as written once more',
    file: 'src/model/state/state-writes.ts',
    find: 'this.#writes = [];\n    this.#resultAt.clear();\n    this.#isAnew = true;',
    replace: 'this.#resultAt.clear();\n    this.#isAnew = true;',
    tests: [PLANS],
  },
  {
    guarantee: 'G5',
    breaks: 'what branches write joins the state in another order than that of their list',
    file: 'src/workflows/job/branches.ts',
    find: 'end(branches.flatMap(({ written }) => written));',
    replace: 'end(branches.toReversed().flatMap(({ written }) => written));',
    tests: [OPEN_JOB],
    name: 'branches write in the order',
  },
  {
    guarantee: 'G5',
    breaks: 'a reducer that was changed under a job is not noticed',
    file: 'src/workflows/job/user-steps.ts',
    find: 'if (done.stateMark !== undefined && done.stateMark !== stateMark)',
    replace: 'if (false)',
    tests: [OPEN_JOB],
    name: 'is noticed when the job is replayed',
  },
  {
    guarantee: 'G5',
    breaks: 'whoever wrote to the state can change it afterwards',
    file: 'src/workflows/job/user-state.ts',
    find: 'return frozenCopy(value as Json);',
    replace: 'return value as Json;',
    tests: [OPEN_JOB],
    name: 'no plain JSON',
  },
];
