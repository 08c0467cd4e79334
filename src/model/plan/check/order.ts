/** Can a plan's steps be put in an order: ids of their own, needs that exist, no cycle? */
import { defined } from '../../defined.ts';
import { findCycle } from '../graph/edges.ts';
import type { Plan } from '../plan.ts';
import { nearestName } from '../../nearest-name.ts';
import type { PlanProblem } from '../problem/problem.ts';

export function checkOrder(plan: Plan, waitsFor: ReadonlyMap<string, readonly string[]>): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  const ids = plan.steps.map((step) => step.id);
  plan.steps.forEach((step, index) => {
    const first = ids.indexOf(step.id);
    if (first !== index)
      problems.push({
        path: `steps[${index}].id`,
        message: `"${step.id}" is already the id of steps[${first}]`,
        expected: 'an id of its own for each step',
      });
    step.needs.forEach((need, needIndex) => {
      if (ids.includes(need)) return;
      const near = nearestName(need, ids);
      problems.push({
        path: `steps[${index}].needs[${needIndex}]`,
        message: `unknown step id "${need}"`,
        expected: `one of ${ids.filter((id) => id !== step.id).join(', ')}`,
        ...defined({ hint: near === undefined ? undefined : `did you mean "${near}"?` }),
      });
    });
  });
  const cycle = findCycle(waitsFor);
  if (cycle !== undefined) {
    problems.push({
      path: `steps[${ids.indexOf(cycle[0]!)}]`,
      message:
        cycle.length === 2 ? `step "${cycle[0]}" waits for itself` : `steps wait for each other: ${cycle.join(' → ')}`,
      expected: 'steps that can be put in an order',
      hint: "remove one of these `needs` or references (a reference to a step's output implies `needs`)",
    });
  }
  return problems;
}
