/** Two steps of one super-step that write the same key of the state, where one of them would be lost. */
import type { ChannelDeclaration } from '../../state/reducer.ts';
import { skippableSteps, type PlanGraph } from '../graph/graph.ts';
import type { Plan, PlanStep } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';

/**
 * For a plan that no job runs yet: earlier versions let it pass, and the step that stands later in the plan won. Of two
 * steps one of which may be skipped it is known when they run.
 * What a reducer finds in the values (two steps that merge the same key) is known when they are there.
 */
export function checkParallelState(plan: Plan, graph: PlanGraph): readonly PlanProblem[] {
  const { superStepOf } = graph;
  const skippable = skippableSteps(graph);
  return Object.entries(plan.state).flatMap(([key, declared]) => {
    const writers = plan.steps.filter((step) => Object.hasOwn(step.state, key));
    return writers.flatMap((step, index) => {
      const together = (other: PlanStep): boolean =>
        superStepOf.get(other.id) === superStepOf.get(step.id) && !skippable.has(other.id) && !skippable.has(step.id);
      const other = writers.slice(0, index).find((one) => together(one) && isKnownConflict(declared));
      return other === undefined ? [] : [conflict(plan, key, [other, step])];
    });
  });
}

/** Is it known of two steps of one super-step, before they run, that one value would be lost? */
export function isKnownConflict({ reducer }: ChannelDeclaration): boolean {
  return reducer === 'replace';
}

function conflict(plan: Plan, key: string, [first, second]: readonly [PlanStep, PlanStep]): PlanProblem {
  return {
    path: `steps[${plan.steps.indexOf(second)}].state.${key}`,
    message: `steps "${first.id}" and "${second.id}" run at the same time, and both write state "${key}"`,
    expected: 'one writer at a time, as the reducer is replace: the other value would be lost',
    hint:
      `let one wait for the other: needs: [${first.id}] in step "${second.id}"; or give state.${key} a reducer that ` +
      'takes both: append, merge, sum, min, max, set',
  };
}
