/** What a zod schema found wrong, as problems of a plan. */
import type * as z from 'zod';
import { defined } from '../../defined.ts';
import { nearestName } from '../../nearest-name.ts';
import { shown, shownName } from '../../shown-value.ts';
import type { PlanProblem } from './problem.ts';
import { fieldsAt } from './schema-fields.ts';
import { formatPath, valueAt } from './value-path.ts';

/**
 * What zod found, as problems. The value is needed to say what was found, the schema to name the known fields.
 * @param at the path of the value within the plan
 */
export function problemsFromZod(
  error: z.core.$ZodError,
  value: unknown,
  schema: z.ZodType,
  at: string,
): readonly PlanProblem[] {
  return error.issues.flatMap((issue) => problemsFromIssue(issue, value, schema, at));
}

function problemsFromIssue(
  issue: z.core.$ZodIssue,
  value: unknown,
  schema: z.ZodType,
  at: string,
): readonly PlanProblem[] {
  const path = formatPath(issue.path, at);
  const found = valueAt(value, issue.path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = fieldsAt(schema, issue.path);
      return issue.keys.map((key) => unknownField(formatPath([...issue.path, key], at), key, known));
    }
    case 'invalid_type':
      if (found === undefined) return [{ path, message: 'is missing', expected: withArticle(issue.expected) }];
      return [{ path, message: 'has the wrong type', expected: withArticle(issue.expected), found: shown(found) }];
    case 'invalid_value':
      return [
        missingOr(found, {
          path,
          message: 'is not one of the allowed values',
          expected: issue.values.map((one) => JSON.stringify(one)).join(' or '),
          found: shown(found),
        }),
      ];
    case 'invalid_format':
      return [
        {
          path,
          message: 'is not written as expected',
          expected: issue.message.replace(/^(Invalid string: must match pattern|expected) /, ''),
          found: shown(found),
        },
      ];
    case 'too_small':
    case 'too_big':
      return [missingOr(found, { path, message: 'is out of range', expected: boundOf(issue), found: shown(found) })];
    case 'invalid_union': {
      // The branch that got furthest says most: one of the value's own type before one of another.
      const nearest = issue.errors.toSorted(
        (a, b) =>
          Number(isOfAnotherType(a)) - Number(isOfAnotherType(b)) || a.length - b.length || depthOf(b) - depthOf(a),
      )[0];
      if (nearest === undefined || nearest.length === 0)
        return [{ path, message: 'fits none of the allowed forms', found: shown(found) }];
      return nearest.flatMap((inner) =>
        problemsFromIssue({ ...inner, path: [...issue.path, ...inner.path] }, value, schema, at),
      );
    }
    case 'custom': {
      const params: Record<string, unknown> = issue.params ?? {};
      return [
        {
          path,
          message: issue.message,
          ...defined({
            expected: textOf(params['expected']),
            found: textOf(params['found']) ?? shown(found),
            hint: textOf(params['hint']),
          }),
        },
      ];
    }
    default:
      return [{ path, message: issue.message, found: shown(found) }];
  }
}

function missingOr(found: unknown, problem: PlanProblem): PlanProblem {
  if (found !== undefined) return problem;
  return {
    path: problem.path,
    message: 'is missing',
    ...defined({ expected: problem.expected }),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A field that the schema does not know. */
export function unknownField(path: string, key: string, known: readonly string[]): PlanProblem {
  const near = nearestName(key, known);
  return {
    path,
    message: `unknown field "${shownName(key)}"`,
    ...defined({
      expected: known.length === 0 ? undefined : `one of ${known.join(', ')}`,
      hint: near === undefined ? undefined : `did you mean "${near}"?`,
    }),
  };
}

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' items' };

function boundOf(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const unit = UNITS[issue.origin] ?? '';
  if (issue.code === 'too_small')
    return `${issue.inclusive === false ? 'more than' : 'at least'} ${String(issue.minimum)}${unit}`;
  return `${issue.inclusive === false ? 'less than' : 'at most'} ${String(issue.maximum)}${unit}`;
}

/** Some versions of zod leave such branches out of the error by themselves, others do not. */
function isOfAnotherType(issues: readonly z.core.$ZodIssue[]): boolean {
  return issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0);
}

function depthOf(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}

function withArticle(type: string): string {
  const names: Record<string, string> = {
    int: 'a whole number',
    number: 'a number',
    string: 'text',
    boolean: 'true or false',
    array: 'a list',
    object: 'an object (fields with values)',
    record: 'an object (names with values)',
    null: 'null',
  };
  return names[type] ?? type;
}
