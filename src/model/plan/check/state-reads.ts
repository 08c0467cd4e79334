/** State that is read before any step can have written it, and has no initial value. */
import { beginsByItself } from '../../state/reducer.ts';
import type { Plan } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';

/** A reference to a state key in a step's input. */
export interface StateRead {
  readonly key: string;
  readonly path: string;
  readonly stepId: string;
  readonly text: string;
}

/** @param waitsFor step id → ids that it waits for */
export function checkStateReads(
  plan: Plan,
  reads: readonly StateRead[],
  waitsFor: ReadonlyMap<string, readonly string[]>,
): readonly PlanProblem[] {
  return reads.flatMap((read) => {
    const { key, stepId } = read;
    const declared = Object.hasOwn(plan.state, key) ? plan.state[key] : undefined;
    if (declared === undefined || declared.initial !== undefined || beginsByItself(declared)) return [];
    const writers = plan.steps.filter((step) => step.id !== stepId && Object.hasOwn(step.state, key));
    const writerIds = writers.map(({ id }) => id);
    return writerIds.some((id) => waitsForThrough(waitsFor, stepId, id)) ? [] : [unwritten(read, writerIds)];
  });
}

function unwritten({ key, path, stepId, text }: StateRead, writers: readonly string[]): PlanProblem {
  const message = `${text} has no value yet when "${stepId}" runs`;
  if (writers.length === 0) {
    const hint = `give state.${key} an \`initial\` value, or let a step write it`;
    return { path, message, found: 'no step that writes it', hint };
  }
  return {
    path,
    message,
    found: `written by ${writers.join(', ')}, which "${stepId}" does not wait for`,
    hint: `add needs: [${writers[0]}], or give state.${key} an \`initial\` value`,
  };
}

function waitsForThrough(waitsFor: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set<string>();
  const queue = [from];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const need of waitsFor.get(id) ?? []) {
      if (need === to) return true;
      if (!seen.has(need)) queue.push(need);
      seen.add(need);
    }
  }
  return false;
}
