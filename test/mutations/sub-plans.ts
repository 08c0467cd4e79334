/** What the jobs of sub-plans rest on. */
import type { Mutation } from './mutation.ts';

const JOB = ['test/fault/sub-plan-job.test.ts'];
const CLI = ['test/integration/cli.test.ts'];

export const SUB_PLANS: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'a Run does not go on with the sub-plan that an earlier one has started',
    file: 'src/workflows/job/sub-job.ts',
    find: '    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;',
    replace: '    throw error;',
    tests: JOB,
    name: 'a reset to before a sub-plan was started',
  },
  {
    guarantee: 'G1',
    breaks: 'a sub-plan that runs is ended and not undone with its job',
    file: 'src/workflows/job/sub-plans.ts',
    find: '        return await abort(aborted, true);',
    replace: '        return await abort(aborted);',
    tests: JOB,
    name: 'an abort with compensate undoes the job of a sub-plan',
  },
  {
    guarantee: 'G3',
    breaks: 'a sub-plan that has ended runs again unnamed',
    file: 'src/protocol/question/what-stays.ts',
    find: '    if (this.#hasRunPlan(stepId)) {',
    replace: "    if (stepId === '') {",
    tests: JOB,
    name: 'a sub-plan that has ended runs again only',
  },
  {
    guarantee: 'G5',
    breaks: 'a sub-plan goes on although what it was given is taken back',
    file: 'src/workflows/job/sub-plans.ts',
    find: '    const isTakenBack = (): boolean => knowledge.generationOf(beginIdOf(stepId)) > generation;',
    replace: '    const isTakenBack = (): boolean => knowledge.generationOf(beginIdOf(stepId)) > generation + 1;',
    tests: JOB,
    name: 'a step that runs again takes back the job',
  },
  {
    guarantee: 'T',
    breaks: 'start --wait goes past a question of a sub-plan',
    file: 'src/cli/follow.ts',
    find: 'if (untilAsked && asksAnybody(status)) break;',
    replace: "if (untilAsked && status.state === 'waiting') break;",
    tests: CLI,
    name: 'a question of a sub-plan stops',
  },
  {
    guarantee: 'T',
    breaks: 'a result hides what sub-plans ask',
    file: 'src/client/job-end.ts',
    find: 'const subPlans = someOf(askingOf(asked?.subPlans));',
    replace: 'const subPlans = someOf(askingOf([]));',
    tests: CLI,
    name: 'a question of a sub-plan stops',
  },
  {
    guarantee: 'T',
    breaks: 'a listing hides what sub-plans ask',
    file: 'src/client/job-listing.ts',
    find: 'if (parentExecution !== undefined) asking.push(workflowId);',
    replace: 'if (parentExecution === undefined) asking.push(workflowId);',
    tests: CLI,
    name: 'a question of a sub-plan stops',
  },
];
