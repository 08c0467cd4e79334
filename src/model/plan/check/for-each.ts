/** Can a step run once for each item of what `forEach` names? As far as that is known before the job runs. */
import { waitStep } from '../../step/built-in/wait.ts';
import type { Plan, PlanStep } from '../plan.ts';
import { MAX_ITEMS_WITHIN_WORKFLOW, type ForEach } from '../plan-step.ts';
import { shown } from '../../shown-value.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { parseTemplate } from '../reference/template.ts';
import type { Destinations } from './destination.ts';

/** For a plan whose references can all be read and lead somewhere. */
export function checkForEach(plan: Plan, destinations: Destinations): readonly PlanProblem[] {
  return plan.steps.flatMap((step, index) => {
    const at = `steps[${index}].forEach`;
    if (step.forEach === undefined) return [];
    return [...checkUse(step, at), ...checkItems(step.forEach, `${at}.items`, destinations)];
  });
}

function checkUse({ use }: PlanStep, path: string): readonly PlanProblem[] {
  if (use !== waitStep.name) return [];
  return [
    {
      path,
      message: 'a wait cannot run once for each item',
      expected: 'a wait alone, as a step of its own',
      hint: 'let what waits need it: needs: [ID]',
    },
  ];
}

function checkItems({ items, within }: ForEach, path: string, destinations: Destinations): readonly PlanProblem[] {
  const expected = 'a list, or one reference to a list and nothing else';
  if (typeof items !== 'string') {
    if (within === 'activity' || items.length <= MAX_ITEMS_WITHIN_WORKFLOW) return [];
    const found = `${items.length} items`;
    const most = `at most ${MAX_ITEMS_WITHIN_WORKFLOW} items within: workflow`;
    return [{ path, message: 'the list is too long', expected: most, found, hint: 'use within: activity' }];
  }
  const [reference, ...rest] = parseTemplate(items);
  if (reference === undefined || typeof reference === 'string' || rest.length > 0)
    return [{ path, message: 'is no list', expected, found: `text: ${shown(items)}` }];
  const type = destinations.shape(reference)?.type;
  if (typeof type !== 'string' || type === 'array') return [];
  return [{ path, message: `${reference.text} is no list`, expected, found: `type ${type}` }];
}
