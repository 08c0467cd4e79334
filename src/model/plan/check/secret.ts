/** A reference to a secret in a step's input: is it declared, and is the step one that may be given it? */
import { planRunStep } from '../../step/built-in/plan-run.ts';
import type { Plan, PlanStep } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { unknownName } from '../problem/unknown-name.ts';

/** What these steps do is recorded byte for byte, so that a secret would be refused when they run. */
const RECORDED_STEPS = /^(?:(?:file|db)\..*|wait|plan\.run)$/;

const SUB_PLAN_HINT =
  'what a sub-plan is given is in its history: declare the secret in the sub-plan, under its `secrets`';
const RECORDED_HINT =
  'what this step does is kept in the record; use the secret in a step of yours, by ctx.secret, where it is needed ' +
  'and goes no further';

export function checkSecret(
  { secrets = [] }: Plan,
  { use, forEach }: PlanStep,
  name: string,
  path: string,
): readonly PlanProblem[] {
  if (!secrets.includes(name)) {
    const otherwise = `declare it: secrets: [${[...secrets, name].join(', ')}]`;
    return [unknownName({ path, what: 'secret', name, known: secrets, otherwise })];
  }
  if (forEach?.within === 'activity')
    return [
      {
        path,
        message: 'a secret cannot be given to the items of a forEach within an activity',
        found: `\${{ secrets.${name} }}`,
        expected: 'a value that may be recorded',
        hint: 'let each be a step of its own: forEach: { …, within: workflow }',
      },
    ];
  if (!RECORDED_STEPS.test(use)) return [];
  return [
    {
      path,
      message: `a secret cannot be given to ${use}`,
      found: `\${{ secrets.${name} }}`,
      expected: 'a value that may be recorded',
      hint: use === planRunStep.name ? SUB_PLAN_HINT : RECORDED_HINT,
    },
  ];
}
