/**
 * What can be wrong with a plan whose form is right: names that lead nowhere, cycles, inputs that don't fit, steps that
 * get in each other's way. Finds everything at once, before anything runs.
 *
 * Invariants
 * 1. A plan without problems has a graph, and each of its references has a place that it leads to.
 * 2. What cannot be known before the job runs (a value behind a reference, a step unknown here) is no problem.
 */
import { isTooDeep, TOO_DEEP } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { refuseUnknownOptions } from '../../options.ts';
import { BUILT_IN_STEPS } from '../../step/built-in/steps.ts';
import type { StepContract } from '../../step/step.ts';
import { planGraph, type PlanGraph } from '../graph/graph.ts';
import { PlanSchema, type Plan } from '../plan.ts';
import { problemsFromZod } from '../problem/from-zod.ts';
import { nearestName } from '../../nearest-name.ts';
import { listProblems, type PlanProblem } from '../problem/problem.ts';
import { checkConditions } from './conditions.ts';
import { checkDeclarations } from './declarations.ts';
import { Destinations } from './destination.ts';
import { checkForEach } from './for-each.ts';
import { checkStepInput } from './input.ts';
import { checkOrder } from './order.ts';
import { checkParallelState } from './parallel-state.ts';
import { checkSchemaOfReducer } from './reducers.ts';
import { checkReferences } from './references.ts';
import { checkResources } from './resources.ts';
import { checkSchemas } from './schemas.ts';
import { checkSubPlans, contractOf, tooDeep } from './sub-plans.ts';
import { checkTypes } from './types.ts';
import { MAX_SUB_PLAN_DEPTH } from '../plan-step.ts';

/** What a plan is checked with. */
export interface CheckOptions {
  /** The user's steps. Left out: steps that are not built in are taken on trust. */
  readonly knownSteps?: readonly StepContract[];
  /** Does a job run it already? Then what an earlier version has let pass goes on. Default: false. */
  readonly isUnderWay?: boolean;
}

/** A plan that can run, with its defaults filled in; or everything that is wrong with it. */
export type CheckedPlan =
  | {
      /** Can it run? */
      readonly ok: true;
      /** With its defaults filled in. */
      readonly plan: Plan;
    }
  | {
      readonly ok: false;
      /** Everything that is wrong, in the order in which it was found. */
      readonly problems: readonly PlanProblem[];
    };

/** Checks form and meaning of a plan. Pure. @throws HoldfastError `bad-input` for an option that is unknown */
export function validatePlan(value: unknown, options: CheckOptions = {}): CheckedPlan {
  refuseUnknownOptions('The check of a plan', options, { knownSteps: true, isUnderWay: true });
  if (isTooDeep(value)) return { ok: false, problems: [{ path: '', message: `the plan ${TOO_DEEP}` }] };
  return checkAt(0, value, options);
}

/** @param depth how many plans stand around it */
function checkAt(depth: number, value: unknown, options: CheckOptions): CheckedPlan {
  const parsed = PlanSchema.safeParse(value);
  if (!parsed.success) return { ok: false, problems: problemsFromZod(parsed.error, value, PlanSchema, '') };
  const problems = [...checkPlan(parsed.data, options), ...subPlanProblems(parsed.data, options, depth)];
  const all = inPlanOrder(problems);
  return all.length === 0 ? { ok: true, plan: parsed.data } : { ok: false, problems: all };
}

function subPlanProblems(plan: Plan, options: CheckOptions, depth: number): readonly PlanProblem[] {
  return checkSubPlans(plan, (subPlan) =>
    depth < MAX_SUB_PLAN_DEPTH ? checkAt(depth + 1, subPlan, options) : { ok: false, problems: [tooDeep()] },
  );
}

/** For a caller that cannot go on with a bad plan. @throws HoldfastError `bad-plan` that lists every problem */
export function assertPlan(value: unknown, options: CheckOptions = {}): Plan {
  const checked = validatePlan(value, options);
  if (checked.ok) return checked.plan;
  throw new HoldfastError('bad-plan', `The plan cannot be used.\n${listProblems(checked.problems)}`, {
    problems: checked.problems,
  });
}

/** Every problem of a plan whose form is right, in the order of the plan. */
export function checkPlan(plan: Plan, options: CheckOptions = {}): readonly PlanProblem[] {
  const contracts = new Map(
    [...BUILT_IN_STEPS, ...(options.knownSteps ?? [])].map((contract: StepContract) => [contract.name, contract]),
  );
  const destinations = new Destinations(plan, contracts);
  const references = checkReferences(plan, destinations);
  const order = checkOrder(plan, references.waitsFor);
  const graph: PlanGraph | undefined =
    references.problems.length === 0 && order.length === 0 ? planGraph(plan) : undefined;
  const problems = [
    ...checkDeclarations(plan),
    ...(options.isUnderWay === true ? [] : [...checkSchemas(plan), ...checkSchemaOfReducer(plan)]),
    ...(options.knownSteps === undefined ? [] : checkStepNames(plan, contracts)),
    ...order,
    ...references.problems,
    ...plan.steps.flatMap((step, index) => checkStepInput(step, contractOf(step, contracts), `steps[${index}]`)),
    ...(graph === undefined || options.isUnderWay === true
      ? []
      : [
          ...checkForEach(plan, destinations),
          ...checkConditions(plan, graph, destinations),
          ...checkTypes(plan, contracts, destinations),
          ...checkParallelState(plan, graph),
        ]),
    ...checkResources(plan, graph),
  ];
  return inPlanOrder(problems);
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

/** By the position in the plan, as far as the path tells it. */
function inPlanOrder(problems: readonly PlanProblem[]): readonly PlanProblem[] {
  const place = ({ path }: PlanProblem): number =>
    path.startsWith('steps[') ? Number.parseInt(path.slice('steps['.length), 10) : -1;
  return problems
    .map((problem, index) => ({ problem, index }))
    .sort((a, b) => place(a.problem) - place(b.problem) || a.index - b.index)
    .map(({ problem }) => problem);
}
