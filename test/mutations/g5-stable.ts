/** G5: a retry sees the same values and comes to the same result. */
import { CALLS, KILLS } from './suites.ts';
import type { Mutation } from './mutation.ts';

export const STABLE: readonly Mutation[] = [
  {
    guarantee: 'G5',
    breaks: 'a recorded value is not used on a retry',
    file: 'src/protocol/attempt/context/once.ts',
    find: 'if (recorded !== undefined && recorded.reads === reads) {',
    replace: 'if (recorded !== undefined && recorded.reads === "") {',
    tests: ['test/integration/guarded-step.test.ts', ...KILLS],
  },
  {
    guarantee: 'G5',
    breaks: 'a recorded value is used although what was read before it has changed',
    file: 'src/protocol/attempt/context/once.ts',
    find: 'if (recorded !== undefined && recorded.reads === reads) {',
    replace: 'if (recorded !== undefined) {',
    tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G5',
    breaks: 'outputs beyond what a payload can hold are carried by continue-as-new',
    file: 'src/workflows/job/planned.ts',
    find: 'const progress = boundedProgress(end.progress, MAX_CARRIED_BYTES);',
    replace: 'const progress: PlanProgress = end.progress;',
    tests: ['test/integration/agent-job.test.ts'],
    name: 'too large for continue-as-new',
  },
  {
    guarantee: 'G5',
    breaks: 'a new Run is begun although it asks again for all that was done',
    file: 'src/workflows/state/step-results.ts',
    find: 'return this.#omitted === 0 || this.#added - this.#requestedAgain > this.#omitted;',
    replace: 'return true;',
    tests: ['test/unit/carried.test.ts'],
  },
  {
    guarantee: 'G5',
    breaks: 'rows that a query read are not compared again',
    file: 'src/protocol/commit/apply-reads.ts',
    find: '    if (rowsDigest(rows) !== query.rows) return staleQuery(query);\n  }\n  for (',
    replace: "    if (query.rows === '') return staleQuery(query);\n  }\n  for (",
    tests: ['test/integration/guarded-step.test.ts'],
  },
  {
    guarantee: 'G5',
    breaks: 'state depends on which parallel step was faster',
    file: 'src/model/plan/run/job-state.ts',
    find: 'plan.steps.filter((step) => outputs.has(step.id)',
    replace: `finished.flatMap(({ stepId }) => plan.steps.filter(({ id }) => id === stepId))
      .filter((step) => outputs.has(step.id)`,
    tests: ['test/unit/job-state.test.ts'],
  },
  {
    guarantee: 'G5',
    breaks: 'a value that was computed from an answer stays when the call is made anew',
    file: 'src/protocol/attempt/stage.ts',
    find: 'filter(({ round }) => round > 0)',
    replace: 'filter(({ round }) => round < 0)',
    tests: CALLS,
  },
  {
    guarantee: 'G5',
    breaks: 'a recorded result answers also when the command is given something else',
    file: 'src/protocol/attempt/commands/on-copy.ts',
    find: 'if (known !== undefined && known.reads === reads) {',
    replace: 'if (known !== undefined) {',
    tests: ['test/integration/command-run.test.ts'],
    name: 'a retry gets the recorded result',
  },
];
