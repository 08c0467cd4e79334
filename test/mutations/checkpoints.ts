import type { Mutation } from './mutation.ts';

const ON_SERVER = ['test/integration/checkpoints.test.ts'];

export const CHECKPOINTS: readonly Mutation[] = [
  {
    guarantee: 'G5',
    breaks: 'a new Run begins its checkpoints anew',
    file: 'src/workflows/state/checkpoint-notes.ts',
    find: '    this.#last = carried?.last;\n',
    replace: '',
    tests: ON_SERVER,
    name: 'a new Run goes on with the checkpoints',
  },
  {
    guarantee: 'G5',
    breaks: 'a new Run tells again what joined the state before it',
    file: 'src/model/plan/run/run.ts',
    find: '    this.#folded.writes.take();\n',
    replace: '',
    tests: ON_SERVER,
    name: 'a new Run goes on with the checkpoints',
  },
  {
    guarantee: 'G5',
    breaks: 'the checkpoint at the end of a job is not recorded',
    file: 'src/protocol/end/release.ts',
    find: 'request.checkpoints ?? []',
    replace: '[]',
    tests: ON_SERVER,
    name: 'the record has the state at the input',
  },
  {
    guarantee: 'G5',
    breaks: 'a state whose steps run again goes on from what they had written',
    file: 'src/model/plan/run/checkpoints.ts',
    find: 'const begins = isAnew ? channelsOf(plan) : undefined;',
    replace: 'const begins = isAnew && superStep < 0 ? channelsOf(plan) : undefined;',
    tests: ON_SERVER,
    name: 'the state begins anew',
  },
  {
    guarantee: 'G5',
    breaks: 'a checkpoint is recorded each time that a request brings it',
    file: 'src/protocol/commit/record-checkpoints.ts',
    find: 'if (known !== undefined) return known;',
    replace: 'if (known !== undefined && notes.length < 0) return known;',
    tests: ['test/unit/checkpoint-records.test.ts'],
    name: 'a checkpoint that is sent again is recorded once',
  },
  {
    guarantee: 'G6',
    breaks: 'a checkpoint is recorded that is not what its digest says',
    file: 'src/protocol/commit/record-checkpoints.ts',
    find: 'if (!isWhole(note)) throw',
    replace: 'if (notes.length < 0) throw',
    tests: ['test/unit/checkpoint-records.test.ts'],
    name: 'a checkpoint that is not whole',
  },
];
