/** Can the plans within a plan run: is each one a plan itself, and do the fields beside it mean something? */
import type { Json } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { planRunStep } from '../../step/built-in/plan-run.ts';
import type { StepContract } from '../../step/step.ts';
import { workspacePath } from '../../step/workspace-path.ts';
import { validatorOf } from '../json-schema.ts';
import { MAX_SUB_PLAN_DEPTH } from '../plan-step.ts';
import { PlanSchema, type Plan, type PlanStep } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { shown } from '../../shown-value.ts';

type Checked = { readonly ok: true } | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/** @param check of a plan within this one */
export function checkSubPlans(plan: Plan, check: (subPlan: Json) => Checked): readonly PlanProblem[] {
  return plan.steps.flatMap((step, index) => {
    const at = `steps[${index}]`;
    if (step.use !== planRunStep.name) return checkOtherUse(step, at);
    return [...checkPlan(step.plan, `${at}.plan`, check), ...checkFields(step, at), ...checkFolder(step, at)];
  });
}

/** What a step takes: of a sub-plan, what that plan's `input` says. */
export function contractOf(
  { use, plan }: PlanStep,
  contracts: ReadonlyMap<string, StepContract>,
): StepContract | undefined {
  const contract = contracts.get(use);
  if (use !== planRunStep.name || contract === undefined) return contract;
  const parsed = PlanSchema.safeParse(plan);
  if (!parsed.success) return undefined;
  return { ...contract, input: validatorOf(parsed.data.input ?? { type: 'object', properties: {} }) };
}

export function tooDeep(): PlanProblem {
  return {
    path: '',
    message: 'plans stand too deep within each other',
    expected: `at most ${MAX_SUB_PLAN_DEPTH} within one another`,
    hint: 'put the steps of the innermost into the plan around it; a plan that runs itself would never end',
  };
}

function checkOtherUse({ use, plan, workspace }: PlanStep, at: string): readonly PlanProblem[] {
  return Object.entries(defined({ plan, workspace })).map(([field]) => ({
    path: `${at}.${field}`,
    message: `means nothing for "${use}"`,
    expected: `it beside use: ${planRunStep.name}`,
    hint: `remove it, or let the step run a plan: use: ${planRunStep.name}`,
  }));
}

function checkPlan(plan: Json | undefined, path: string, check: (subPlan: Json) => Checked): readonly PlanProblem[] {
  if (plan === undefined)
    return [
      { path, message: 'is missing', expected: "a plan, or the path of a plan's file", hint: 'plan: ./chapter.yaml' },
    ];
  if (typeof plan === 'string')
    return [
      {
        path,
        message: 'names a file that nobody has read',
        expected: 'the plan itself',
        found: shown(plan),
        hint: 'use the command line, or give readPlan `readFile`: both put the plan of a file in the place of its path',
      },
    ];
  const checked = check(plan);
  if (checked.ok) return [];
  return checked.problems.map((problem) => ({ ...problem, path: within(path, problem.path) }));
}

function within(path: string, inner: string): string {
  if (inner === '') return path;
  return inner.startsWith('[') ? `${path}${inner}` : `${path}.${inner}`;
}

/** It has attempts and times of its own, in its own steps. */
function checkFields(step: PlanStep, at: string): readonly PlanProblem[] {
  const problems: PlanProblem[] = (['retry', 'resume', 'timeoutMs', 'approval'] as const).flatMap((option) =>
    step[option] === undefined
      ? []
      : [
          {
            path: `${at}.${option}`,
            message: `means nothing for "${planRunStep.name}", which runs steps of its own`,
            hint: 'put it on the steps of the sub-plan',
          },
        ],
  );
  if (step.forEach?.within === 'activity')
    problems.push({
      path: `${at}.forEach`,
      message: 'a sub-plan cannot run within an activity',
      expected: 'within: workflow',
      hint: 'forEach: { items: …, within: workflow }',
    });
  return problems;
}

function checkFolder({ workspace, forEach }: PlanStep, at: string): readonly PlanProblem[] {
  if (workspace === undefined) return [];
  const path = `${at}.workspace`;
  if (workspace.includes('${{')) return [];
  const checked = workspacePath(workspace);
  if (!checked.ok)
    return [{ path, message: `the folder ${checked.problem}`, found: JSON.stringify(workspace), hint: checked.hint }];
  if (forEach === undefined || forEach.atOnce === 1) return [];
  return [
    {
      path,
      message: 'the sub-plans of several items run at the same time, and have one folder',
      expected: 'a folder for each',
      found: JSON.stringify(workspace),
      hint: `workspace: "${workspace.replace(/\/+$/, '')}/\${{ index }}"`,
    },
  ];
}
