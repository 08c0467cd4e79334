/**
 * A step with `until`: again and again until its condition holds, each round as a step of its own.
 *
 * Invariants
 * 1. A round begins once the one before has ended, and is known by its number, which counts from 1.
 * 2. A round sees the state with what the rounds before it have written.
 * 3. A round that is done is not requested again while nothing that it was given is void.
 */
import type { Json, JsonObject } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { itemIdOf } from '../../item-id.ts';
import { ListOutput } from '../../step/list-output.ts';
import type { Condition } from '../condition.ts';
import type { PlanStep } from '../plan.ts';
import { holds, whyNot } from '../reference/condition.ts';
import type { Scope } from '../reference/reference.ts';
import { resolveInput } from '../reference/resolve.ts';
import { foldState } from './job-state.ts';
import { undecided } from './skip.ts';
import { requestFor, resolved, scopeOf, type SuperStep } from './step-input.ts';
import { givenTo } from './sub-plan.ts';

export type RoundsOutcome =
  | { readonly kind: 'done'; readonly output: Json; readonly rounds: readonly Json[] }
  | { readonly kind: 'void' }
  /** The rest comes in a new Run. */
  | { readonly kind: 'paused' };

/** What `until` may see beside what every condition may. */
interface Round {
  readonly number: number;
  readonly output: Json;
  readonly state: JsonObject;
}

/** @throws what `job.step` rejects with; HoldfastError `rounds-used-up` */
export async function runRounds(step: PlanStep, until: Condition, superStep: SuperStep): Promise<RoundsOutcome> {
  const { id, maxRounds = 1 } = step;
  const { job, items, plan } = superStep;
  const list = new ListOutput('rounds');
  const rounds: Json[] = [];
  let { state } = superStep;
  for (let number = 1; ; number++) {
    const known = items.of(id).get(number);
    if (known === undefined) {
      const begun = await runRound(step, superStep, { number, output: rounds.at(-1) ?? null, state });
      if (begun !== undefined) return { kind: begun };
    }
    const output = items.of(id).get(number)!;
    list.add(output);
    rounds.push(output);
    state = foldState(plan, state, [{ stepId: id, output }]);
    job.onItems?.({ stepId: id, within: 'rounds', done: number, total: maxRounds });
    const scope = { ...scopeOf(step, superStep), state, output, round: number };
    const isOver = decide(id, () => holds(until, scope));
    if (isOver) return { kind: 'done', output, rounds };
    if (number === maxRounds) throw usedUp(step, whyNot(until, scope));
  }
}

/** Undefined: it is done, and its output among the items. @param before the round before, or the step's beginning */
async function runRound(step: PlanStep, superStep: SuperStep, before: Round): Promise<'void' | 'paused' | undefined> {
  const { job, items } = superStep;
  const { number, output: previous, state } = before;
  if (superStep.isPausing()) return 'paused';
  const scope: Scope = { ...scopeOf(step, superStep), state, round: number, previous };
  const request = requestFor(
    step,
    resolved(step, () => resolveInput(givenTo(step), scope)),
    superStep,
  );
  const uses = number === 1 ? request.uses : [...request.uses, itemIdOf(step.id, number - 1)];
  const result = await job.step({ ...request, id: itemIdOf(step.id, number), uses });
  if (!('output' in result)) return 'void';
  items.add(step.id, number, result.output);
  return undefined;
}

function decide<T>(stepId: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    throw undecided(stepId, 'until', cause);
  }
}

function usedUp({ id, maxRounds = 1 }: PlanStep, why: string): HoldfastError {
  const rounds = maxRounds === 1 ? '1 round' : `${maxRounds} rounds`;
  return new HoldfastError(
    'rounds-used-up',
    `Step "${id}" has run ${rounds}, as many as its plan allows, and \`until\` does not hold: ${why}.`,
    { stepId: id, maxRounds },
  );
}
