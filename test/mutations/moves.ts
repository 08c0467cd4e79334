/** What a new Run takes over, on another version of the workers or on the same. */
import type { Mutation } from './mutation.ts';

const REPLAY = ['test/replay/replay.test.ts'];

export const MOVES: readonly Mutation[] = [
  {
    guarantee: 'G2',
    breaks: 'a job that had ended forgets that it goes back where it moves before',
    file: 'src/workflows/job/parts.ts',
    find: 'unfinished: carried?.resuming,',
    replace: 'unfinished: undefined,',
    tests: REPLAY,
    name: 'replays',
  },
  {
    guarantee: 'G4',
    breaks: 'a cancellation that comes as another version is offered again is lost at the move',
    file: 'src/workflows/job/moving.ts',
    find: 'while (!isDue()) await',
    replace: 'if (!isDue()) await',
    tests: REPLAY,
    name: 'replays',
  },
  {
    guarantee: 'G4',
    breaks: 'what a waiting job asked is lost at the move',
    file: 'src/workflows/job/core.ts',
    find: 'questions.adopt(carried?.questions ?? []);',
    replace: 'questions.adopt([]);',
    tests: REPLAY,
    name: 'replays',
  },
  {
    guarantee: 'G5',
    breaks: 'what has been slept is slept again in a new Run',
    file: 'src/workflows/job/waits.ts',
    find: 'carried?.[0] === durationMs ? carried[1] : nowMs() + durationMs',
    replace: 'nowMs() + durationMs + 0 * (carried?.[0] ?? 0)',
    tests: ['test/integration/open-job.test.ts'],
    name: 'a rerun of a finished step restarts the Workflow',
  },
];
