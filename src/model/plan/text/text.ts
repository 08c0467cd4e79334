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
import { formatProblems } from '../problem/problem.ts';
import { placed, withExcerpt } from './place.ts';
import { readValue } from './yaml.ts';

/** A plan from its text. Pure. @throws HoldfastError `bad-plan`, its message as `holdfast check` shows it */
export function readPlan(text: string, filename: string, options: CheckOptions = {}): Plan {
  const parsed = parsePlan(text, options);
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
export function parsePlan(text: string, options: CheckOptions = {}): CheckedPlan {
  const lines = new LineCounter();
  const read = readValue(text, lines);
  if (!read.ok) return { ok: false, problems: read.problems.map((problem) => withExcerpt(problem, text)) };
  const checked = validatePlan(read.value, options);
  if (checked.ok) return checked;
  const problems = checked.problems.map((problem) => withExcerpt(placed(problem, read.document, lines), text));
  return { ok: false, problems: problems.toSorted((a, b) => a.line! - b.line! || a.column! - b.column!) };
}
