/**
 * A plan's text, YAML or JSON, to a plan: the one place where plans are parsed from text.
 *
 * Invariants
 * 1. Every problem has a line, a column and the line itself.
 * 2. Nothing is read other than written: duplicate keys, unknown tags and numbers that JSON cannot hold exactly are
 *    refused, not settled.
 * 3. Bounded: 1 MiB of text, 100 uses of an alias, 256 levels.
 */
import { LineCounter } from 'yaml';
import { HoldfastError } from '../../failure.ts';
import { validatePlan, type CheckedPlan, type CheckOptions } from '../check/check.ts';
import type { Plan } from '../plan.ts';
import { formatProblems, type PlanProblem } from '../problem/problem.ts';
import { placed, withExcerpt } from './place.ts';
import { inlineSubPlans } from './sub-plans.ts';
import { readValue } from './yaml.ts';

/** What a plan's text is read with. */
export interface ReadOptions extends CheckOptions {
  /**
   * The text of a file, for sub-plans that are named by their paths: relative to the plan's own. Default: none is read,
   * and such a plan is refused.
   */
  readonly readFile?: (path: string) => string;
}

/** A plan from its text. Pure. @throws HoldfastError `bad-plan`, its message as `holdfast check` shows it */
export function readPlan(text: string, filename: string, options: ReadOptions = {}): Plan {
  const parsed = parsePlan(text, { filename, ...options });
  if (parsed.ok) return parsed.plan;
  throw new HoldfastError('bad-plan', formatProblems(parsed.problems, filename), {
    filename,
    problems: parsed.problems,
  });
}

/**
 * The same with every problem as data, in the order of the text (see `formatProblems`). What a plan means is looked at
 * once its form is right, its form once it is YAML. Pure. @throws HoldfastError `bad-input` for an unknown option
 */
export function parsePlan(text: string, given: ReadOptions & { readonly filename?: string } = {}): CheckedPlan {
  const { readFile, filename = '', ...options } = given;
  const lines = new LineCounter();
  const read = readValue(text, lines);
  if (!read.ok) return { ok: false, problems: read.problems.map((problem) => withExcerpt(problem, text)) };
  const inlined = readFile === undefined ? undefined : inlineSubPlans(read.value, filename, readFile);
  const found = (problems: readonly PlanProblem[]): CheckedPlan => {
    const shown = problems.map((problem) => withExcerpt(placed(problem, read.document, lines), text));
    return { ok: false, problems: shown.toSorted((a, b) => a.line! - b.line! || a.column! - b.column!) };
  };
  if (inlined !== undefined && inlined.problems.length > 0) return found(inlined.problems);
  const checked = validatePlan(inlined?.value ?? read.value, options);
  return checked.ok ? checked : found(checked.problems);
}
