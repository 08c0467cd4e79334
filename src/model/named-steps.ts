/**
 * Which recorded steps a person means by a name: that step with its sub-steps. Where no step of the name is recorded,
 * the items of its list are meant: `convert` is then `convert#0`, `convert#1`, … Pure.
 */
import { planStepOf } from './item-id.ts';
import { isOfSteps, requestedStepOf } from './sub-step-id.ts';

/** Empty: none is recorded. @param recorded ids of steps and sub-steps */
export function namedSteps(name: string, recorded: Iterable<string>): ReadonlySet<string> {
  const itself = new Set([name]);
  const items = new Set<string>();
  for (const stepId of recorded) {
    if (isOfSteps(stepId, itself)) return itself;
    const requested = requestedStepOf(stepId);
    if (planStepOf(requested) === name) items.add(requested);
  }
  return items;
}
