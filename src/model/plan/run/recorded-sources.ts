/** The steps, by the ids of their records, whose results a step uses. Pure. */
import { everyItemOf } from '../../item-id.ts';
import { waitStep } from '../../step/built-in/wait.ts';
import type { PlanGraph } from '../graph/graph.ts';
import { isApart } from '../plan-step.ts';

/**
 * A `wait` leaves no record, a list may have had no items, and what has rounds may have been skipped: what those use
 * counts besides, or nobody would know that the step depends on it.
 */
export function recordedSourcesOf(stepId: string, graph: PlanGraph): readonly string[] {
  const recorded = new Set<string>();
  const seen = new Set<string>();
  const queue = [...graph.sourcesOf.get(stepId)!];
  for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
    if (seen.has(source)) continue;
    seen.add(source);
    const step = graph.steps.get(source)!;
    const hasParts = isApart(step);
    if (hasParts) recorded.add(everyItemOf(source));
    if (hasParts || step.use === waitStep.name) queue.push(...graph.sourcesOf.get(source)!);
    else recorded.add(source);
  }
  return [...recorded];
}
