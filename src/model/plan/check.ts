/**
 * What can be wrong with a plan whose form is right: names that lead nowhere, cycles, inputs that don't fit, steps that
 * get in each other's way. Finds everything at once, before anything runs.
 *
 * Invariants
 * 1. A plan without problems has a graph, and each of its references has a place that it leads to.
 * 2. What cannot be known before the job runs (a value behind a reference, a step unknown here) is no problem.
 */
import { BUILT_IN_STEPS } from '../step/built-in-steps.ts';
import type { Json } from '../canonical-json.ts';
import { HoldfastError } from '../failure.ts';
import { checkResources } from './check-resources.ts';
import { checkReferences } from './check-references.ts';
import { checkStepInput } from './check-input.ts';
import { findCycle, planGraph, type PlanGraph } from './graph.ts';
import { validatorOf, type JsonSchema } from './json-schema.ts';
import { formatPath, formatProblems, nearestName, problemsFromZod, shown, type PlanProblem } from './problem.ts';
import { PlanSchema, type Plan } from './plan.ts';
import type { StepContract } from '../step/step.ts';

export interface CheckOptions {
  /** The user's steps. Left out: steps that are not built in are taken on trust. */
  readonly knownSteps?: readonly StepContract[];
}

export type CheckedPlan =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/** Checks form and meaning of a plan. Pure. */
export function validatePlan(value: unknown, options: CheckOptions = {}): CheckedPlan {
  const parsed = PlanSchema.safeParse(value);
  if (!parsed.success) return { ok: false, problems: problemsFromZod(parsed.error, value, PlanSchema, '') };
  const problems = checkPlan(parsed.data, options);
  return problems.length === 0 ? { ok: true, plan: parsed.data } : { ok: false, problems };
}

/** The same at a boundary where a bad plan ends the call. @throws HoldfastError `bad-plan` that lists every problem */
export function assertPlan(value: unknown, options: CheckOptions = {}): Plan {
  const checked = validatePlan(value, options);
  if (checked.ok) return checked.plan;
  throw new HoldfastError('bad-plan', `The plan cannot be used.\n${formatProblems(checked.problems, 'PLAN')}`, {
    problems: checked.problems,
  });
}

/** Every problem of a plan whose form is right, in the order of the plan. */
export function checkPlan(plan: Plan, options: CheckOptions = {}): readonly PlanProblem[] {
  const contracts = new Map(
    [...BUILT_IN_STEPS, ...(options.knownSteps ?? [])].map((contract: StepContract) => [contract.name, contract]),
  );
  const references = checkReferences(plan, contracts);
  const order = checkOrder(plan, references.waitsFor);
  const graph: PlanGraph | undefined =
    references.problems.length === 0 && order.length === 0 ? planGraph(plan) : undefined;
  const problems = [
    ...checkDeclarations(plan),
    ...(options.knownSteps === undefined ? [] : checkStepNames(plan, contracts)),
    ...order,
    ...references.problems,
    ...plan.steps.flatMap((step, index) => checkStepInput(step, contracts.get(step.use), `steps[${index}]`)),
    ...checkResources(plan, graph),
  ];
  return inPlanOrder(problems);
}

/** Do the values that the plan itself gives fit the schemas that it gives? */
function checkDeclarations(plan: Plan): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  if (plan.input !== undefined && plan.input.type !== 'object') {
    problems.push({
      path: 'input.type',
      message: "the input's schema is not that of an object",
      expected: 'type: object',
      found: String(plan.input.type ?? 'no type'),
      hint: 'name each input under `properties`',
    });
  }
  if (plan.input !== undefined) checkDefaults(plan.input, 'input');
  for (const [key, { reducer, initial, schema }] of Object.entries(plan.state)) {
    if (schema !== undefined) checkDefaults(schema, `state.${key}.schema`);
    if (initial === undefined) continue;
    if (reducer === 'append' && !Array.isArray(initial))
      problems.push({
        path: `state.${key}.initial`,
        message: 'cannot be appended to',
        expected: 'a list, as the reducer is append',
        found: shown(initial),
      });
    else if (schema !== undefined) checkValue(schema, initial, `state.${key}.initial`);
  }
  return problems;

  function checkDefaults(schema: JsonSchema, at: string): void {
    if (schema.default !== undefined) checkValue(schema, schema.default, `${at}.default`);
    for (const [name, one] of Object.entries(schema.properties ?? {}))
      checkDefaults(one, formatPath([name], `${at}.properties`));
    if (schema.items !== undefined) checkDefaults(schema.items, `${at}.items`);
  }

  function checkValue(schema: JsonSchema, value: Json, at: string): void {
    const validator = validatorOf({ ...schema, default: undefined });
    const result = validator.safeParse(value);
    if (!result.success)
      problems.push(
        ...problemsFromZod(result.error, value, validator, at).map((problem) => ({
          ...problem,
          message: `does not fit its own schema: ${problem.message}`,
        })),
      );
  }
}

function checkStepNames(plan: Plan, contracts: ReadonlyMap<string, StepContract>): readonly PlanProblem[] {
  return plan.steps.flatMap((step, index) => {
    if (contracts.has(step.use)) return [];
    const near = nearestName(step.use, [...contracts.keys()]);
    return [
      {
        path: `steps[${index}].use`,
        message: `unknown step "${step.use}"`,
        expected: `one of ${[...contracts.keys()].join(', ')}`,
        hint:
          near === undefined
            ? 'register it in holdfast.config.ts, or pass --steps'
            : `did you mean "${near}"? Else register it in holdfast.config.ts, or pass --steps`,
      },
    ];
  });
}

function checkOrder(plan: Plan, waitsFor: ReadonlyMap<string, readonly string[]>): readonly PlanProblem[] {
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
        ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
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

/** By the position in the plan, as far as the path tells it. */
function inPlanOrder(problems: readonly PlanProblem[]): readonly PlanProblem[] {
  const place = ({ path }: PlanProblem): number =>
    path.startsWith('steps[') ? Number.parseInt(path.slice('steps['.length), 10) : -1;
  return problems
    .map((problem, index) => ({ problem, index }))
    .sort((a, b) => place(a.problem) - place(b.problem) || a.index - b.index)
    .map(({ problem }) => problem);
}
