/** A job without a worker says so, waits without growing, and goes on once. */
import type { Mutation } from './mutation.ts';

const FAILING_CODE = ['test/fault/failing-workflow-code.test.ts'];

export const NO_WORKER: readonly Mutation[] = [
  {
    guarantee: 'T',
    breaks: 'a Workflow whose code fails is told as a defect of Holdfast',
    file: 'src/client/task-trouble.ts',
    find: 'if (cause !== CODE_FAILED) return undefined;',
    replace: 'if (cause !== undefined) return undefined;',
    tests: FAILING_CODE,
    name: 'told by its message',
  },
  {
    guarantee: 'T',
    breaks: 'a job whose worker has other code is told as no job',
    file: 'src/client/server-calls.ts',
    find: 'return isJob(described) ?',
    replace: 'return workflowId === "" ?',
    tests: FAILING_CODE,
    name: 'has other code',
  },
  {
    guarantee: 'T',
    breaks: 'whoever asks while a failed Task is just mended is told of a defect',
    file: 'src/client/server-calls.ts',
    find: 'return isWithoutWorkflow(error) && translated === error ? undefined : translated;',
    replace: 'return translated;',
    tests: FAILING_CODE,
    name: 'is asked again',
  },
  {
    guarantee: 'T',
    breaks: 'a step that no worker has taken fails the job',
    file: 'src/workflows/activities.ts',
    find: "cause.timeoutType === 'SCHEDULE_TO_START'",
    replace: "cause.timeoutType === 'SCHEDULE_TO_CLOSE'",
    tests: ['test/integration/no-worker.test.ts'],
    name: 'bounded number of events',
  },
  {
    guarantee: 'T',
    breaks: 'a job that waits for a worker asks for one again and again',
    file: 'src/workflows/activities.ts',
    find: "    summary: 'is a worker there?',\n",
    replace: "    summary: 'is a worker there?',\n    scheduleToStartTimeout: 300,\n",
    tests: ['test/integration/no-worker.test.ts'],
    name: 'bounded number of events',
  },
  {
    guarantee: 'T',
    breaks: 'limits never end, and each that passes adds events for ever',
    file: 'src/model/job/taken-limits.ts',
    find: 'return LIMITS_MS[this.#misses];',
    replace: 'return LIMITS_MS[Math.min(this.#misses, LIMITS_MS.length - 1)];',
    tests: ['test/unit/taken-limits.test.ts', 'test/fault/no-worker.test.ts'],
    name: 'limits',
  },
  {
    guarantee: 'T',
    breaks: 'parallel steps that pass one limit count as many times',
    file: 'src/model/job/taken-limits.ts',
    find: 'if (withinMs === this.currentMs) this.#misses += 1;',
    replace: 'if (withinMs >= 0) this.#misses += 1;',
    tests: ['test/unit/taken-limits.test.ts'],
  },
  {
    guarantee: 'G1',
    breaks: 'a step that no worker took is requested with another token',
    file: 'src/workflows/gate/gate.ts',
    find: "watch.noteNotTaken(asked, { activity: 'runStep', stepId });\n",
    replace:
      "watch.noteNotTaken(asked, { activity: 'runStep', stepId });\n" +
      '            knowledge.setGeneration(stepId, knowledge.generationOf(stepId) + 1);\n',
    tests: ['test/fault/no-worker.test.ts'],
    name: 'perform.done-before',
  },
  {
    guarantee: 'T',
    breaks: 'a job whose workers are all busy is said to have none',
    file: 'src/client/worker-wait.ts',
    find: "if (pollers.activity.length > 0) return 'no-free-slot';",
    replace: "if (pollers.activity.length > 0) return 'no-worker';",
    tests: ['test/integration/no-worker.test.ts'],
    name: 'no free slot',
  },
  {
    guarantee: 'T',
    breaks: 'a job is said to wait for a worker since it was noticed, not since it waits',
    file: 'src/workflows/state/worker-watch.ts',
    find: 'new Date(Math.max(atMs, nowMs() - withinMs)).toISOString()',
    replace: 'new Date(nowMs()).toISOString()',
    tests: ['test/integration/no-worker.test.ts'],
    name: 'whose steps nobody takes',
  },
];
