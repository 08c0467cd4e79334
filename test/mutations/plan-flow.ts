/** What conditions, rounds and automatic resumes of a plan rest on. */
import type { Mutation } from './mutation.ts';

const FLOW = ['test/integration/plan-flow.test.ts'];

export const PLAN_FLOW: readonly Mutation[] = [
  {
    guarantee: 'G5',
    breaks: 'a round does not depend on the one before',
    file: 'src/model/plan/run/rounds.ts',
    find: 'const uses = number === 1 ? request.uses : [...request.uses, itemIdOf(step.id, number - 1)];',
    replace: 'const { uses } = request;',
    tests: FLOW,
    name: 'each round is a step of its own',
  },
  {
    guarantee: 'G5',
    breaks: 'a round that is void leaves those after it in force',
    file: 'src/model/plan/run/done-items.ts',
    find: 'if (number >= round) this',
    replace: 'if (number === round) this',
    tests: ['test/unit/plan-conditions.test.ts'],
    name: 'a round that is void',
  },
  {
    guarantee: 'G5',
    breaks: 'a condition implies no needs',
    file: 'src/model/plan/graph/graph.ts',
    find: 'const given: readonly Json[] = [forEach?.items ?? [], step.with, when as Json, until as Json];',
    replace:
      'const given: readonly Json[] = [forEach?.items ?? [], step.with, until as Json].filter(() => when !== null);',
    tests: FLOW,
    name: 'a decision that runs the source again',
  },
  {
    guarantee: 'G1',
    breaks: 'a step resumes as often as it fails',
    file: 'src/protocol/step/resume-later.ts',
    find: '  if (number > atMost) return undefined;\n',
    replace: '',
    tests: FLOW,
    name: 'how often a step has resumed',
  },
  {
    guarantee: 'G2',
    breaks: 'a step resumes without a comparison of the world',
    file: 'src/workflows/gate/resume.ts',
    find: "  await verification.verify('resumed', `${stepId}: ${which}`);\n  verification.cover(stepId);\n",
    replace: '  await Promise.resolve(verification);\n',
    tests: ['test/integration/research-example.test.ts'],
    name: 'the analysis fails once',
  },
  {
    guarantee: 'G5',
    breaks: 'what needs a skipped step runs',
    file: 'src/model/plan/run/skip.ts',
    find: "const skipped = onSkipped === 'run' ? [] :",
    replace: "const skipped = onSkipped !== 'skip' ? [] :",
    tests: ['test/unit/plan-rounds.test.ts'],
    name: 'property: conditions and rounds',
  },
  {
    guarantee: 'G5',
    breaks: 'the state takes in the last round alone',
    file: 'src/model/plan/run/done-steps.ts',
    find: 'return this.#rounds.get(id) ?? [this.#outputs.get(id)!];',
    replace: 'return [this.#outputs.get(id)!];',
    tests: ['test/unit/plan-conditions.test.ts'],
    name: 'rounds run one after the other',
  },
];
