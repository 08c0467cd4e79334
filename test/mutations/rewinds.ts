/** A job that goes back to a checkpoint: test/mutations/*.ts. */
import type { Mutation } from './mutation.ts';

const WORLD = ['test/integration/rewind-world.test.ts'];
const ON_SERVER = ['test/integration/rewind.test.ts'];

export const REWINDS: readonly Mutation[] = [
  {
    guarantee: 'G3',
    breaks: 'a rewind takes back what is not as the record has it',
    file: 'src/protocol/repair/rewind.ts',
    find: 'if (moved.length > 0) return worldMoved(token, moved);',
    replace: 'if (moved.length < 0) return worldMoved(token, moved);',
    tests: WORLD,
    name: 'what is not as the record has it',
  },
  {
    guarantee: 'G1',
    breaks: 'a rewind goes to a checkpoint whose steps have run again since',
    file: 'src/protocol/repair/rewind-plan.ts',
    find: '  if (first === undefined) return;\n',
    replace: '  if (first === undefined || checkpoints.length > 0) return;\n',
    tests: WORLD,
    name: 'a checkpoint that can’t be gone back to',
  },
  {
    guarantee: 'G4',
    breaks: 'what a person has accepted stays where a rewind takes its step back',
    file: 'src/protocol/repair/answers/rerun.ts',
    find: "entry?.role !== 'accepted'",
    replace: "entry?.role !== 'watched'",
    tests: WORLD,
    name: 'what is not as the record has it',
  },
  {
    guarantee: 'G5',
    breaks: 'a wait goes on that a rewind has taken back',
    file: 'src/workflows/job/going-back.ts',
    find: '    this.#waits.endNow();\n',
    replace: '',
    tests: ON_SERVER,
    name: 'a job that waits for a time',
  },
  {
    guarantee: 'G5',
    breaks: 'a checkpoint after a rewind goes on from what was left behind',
    file: 'src/workflows/job/going-back.ts',
    find: '    this.#parts.checkpoints.goBackTo(checkpoint);\n',
    replace: '',
    tests: ON_SERVER,
    name: 'a job that waits for an approval',
  },
  {
    guarantee: 'G5',
    breaks: 'a Workflow of one’s own goes on waiting after a rewind',
    file: 'src/workflows/job/going-back.ts',
    find: 'return this.#endBody(new JobRestart());',
    replace: 'return;',
    tests: ON_SERVER,
    name: 'a Workflow of one’s own',
  },
  {
    guarantee: 'G1',
    breaks: 'a folder stays that a killed rewind has left something in',
    file: 'src/protocol/repair/changes/files.ts',
    find: '  if (within.length > 0) await files.removeLeftovers(repair.sealed.digest, within);\n',
    replace: '',
    tests: ['test/fault/rewind-kills.test.ts'],
    name: 'killed once at each hit of each point, a job ends up',
  },
];
