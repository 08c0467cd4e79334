/** A small plan that is changed in one place and checked. */
import * as z from 'zod';
import { validatePlan, type CheckOptions } from '../../src/model/plan/check/check.ts';
import type { PlanProblem } from '../../src/model/plan/problem/problem.ts';
import { defineStep } from '../../src/model/step/step.ts';

export const ANALYSE = defineStep({
  name: 'analyse',
  input: z.strictObject({ table: z.string(), limit: z.int().min(1).optional() }),
  output: z.strictObject({ rows: z.array(z.strictObject({ city: z.string() })), note: z.string().optional() }),
});

export function problemsOf(change: Record<string, unknown>, options: CheckOptions = {}): readonly PlanProblem[] {
  const checked = validatePlan(
    { schemaVersion: 1, name: 'checked', workspace: 'w', steps: [{ id: 'only', use: 'work' }], ...change },
    options,
  );
  return checked.ok ? [] : checked.problems;
}

/** `path: message` of each problem. */
export function problemLines(change: Record<string, unknown>, options?: CheckOptions): readonly string[] {
  return problemsOf(change, options).map(({ path, message }) => `${path}: ${message}`);
}

export function inSteps(...steps: readonly Record<string, unknown>[]): {
  readonly steps: readonly Record<string, unknown>[];
} {
  return { steps: steps.map((step, index) => ({ id: `s${index}`, use: 'work', ...step })) };
}
