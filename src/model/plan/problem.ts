/**
 * What is wrong with a plan: one problem, told so that its author can mend it without asking anybody.
 *
 * Invariant: no problem shows the value of a literal URL's credentials.
 */
import * as z from 'zod';

/** `path` as a person reads it: `steps[2].with.path`. Line and column count from 1. */
export interface PlanProblem {
  readonly path: string;
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  readonly hint?: string;
  readonly line?: number;
  readonly column?: number;
  readonly excerpt?: string;
}

/** The problems as a person reads them on a terminal, and the command to run next. */
export function formatProblems(problems: readonly PlanProblem[], filename: string): string {
  const count = `${problems.length} problem${problems.length === 1 ? '' : 's'}`;
  return [
    ...problems.map((problem) => formatProblem(problem, filename)),
    `${filename}: ${count}. Correct, then run: holdfast check ${filename}`,
  ].join('\n\n');
}

function formatProblem(problem: PlanProblem, filename: string): string {
  const place = problem.line === undefined ? filename : `${filename}:${problem.line}:${problem.column ?? 1}`;
  const lines = [`${place}  ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`];
  if (problem.excerpt !== undefined) lines.push(...problem.excerpt.split('\n').map((line) => `    ${line}`));
  if (problem.expected !== undefined) lines.push(`  expected: ${problem.expected}`);
  if (problem.found !== undefined) lines.push(`  found:    ${problem.found}`);
  if (problem.hint !== undefined) lines.push(`  hint:     ${problem.hint}`);
  return lines.join('\n');
}

/** Hides what follows `://` in a URL that may hold a password (`user:secret@host`, `?password=…`), mark for mark. */
export function withoutCredentials(text: string): string {
  return text.replace(/:\/\/\S*[@?]\S*/g, (found) => `://${'*'.repeat(found.length - 3)}`);
}

const MAX_SHOWN_LENGTH = 60;

/** A value in a few words, for `found`. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = withoutCredentials(JSON.stringify(value) ?? String(value));
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}

/** The candidate that was probably meant, if one is near. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 0.5;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    const distance = Math.min(editDistance(wanted, other), partDistance(wanted, other));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** For a name of which a part was left out or added: `timeot` for `timeoutMs`, `attempts` for `maxAttempts`. */
function partDistance(wanted: string, other: string): number {
  const [short, long] = wanted.length < other.length ? [wanted, other] : [other, wanted];
  if (short.length < 4) return Infinity;
  if (long.startsWith(short) || long.endsWith(short)) return 1;
  return 1 + editDistance(short, long.slice(0, short.length + 1));
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). Names are short. */
function editDistance(a: string, b: string): number {
  if (Math.max(a.length, b.length) > 200) return Infinity;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforePrevious[j - 2]! + 1);
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}

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
      // The branch that got furthest says most.
      const nearest = issue.errors.toSorted((a, b) => a.length - b.length || depthOf(b) - depthOf(a))[0];
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
          ...text('expected', params),
          found: text('found', params).found ?? shown(found),
          ...text('hint', params),
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
    ...(problem.expected === undefined ? {} : { expected: problem.expected }),
  };
}

function text<K extends string>(key: K, params: Record<string, unknown>): { readonly [P in K]?: string } {
  const value = params[key];
  return (typeof value === 'string' ? { [key]: value } : {}) as { readonly [P in K]?: string };
}

/** A field that the schema does not know. */
export function unknownField(path: string, key: string, known: readonly string[]): PlanProblem {
  const near = nearestName(key, known);
  return {
    path,
    message: `unknown field "${key}"`,
    ...(known.length === 0 ? {} : { expected: `one of ${known.join(', ')}` }),
    ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
  };
}

function boundOf(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' items' : '';
  if (issue.code === 'too_small')
    return `${issue.inclusive === false ? 'more than' : 'at least'} ${String(issue.minimum)}${unit}`;
  return `${issue.inclusive === false ? 'less than' : 'at most'} ${String(issue.maximum)}${unit}`;
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

/** `['steps', 2, 'with']` → `steps[2].with`. */
export function formatPath(path: readonly PropertyKey[], at = ''): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const name = String(part);
    if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, at);
}

/** What stands at a path, or undefined. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part)
        ? (inner as Record<PropertyKey, unknown>)[part]
        : undefined,
    value,
  );
}

/** The fields that a schema knows at a path; none when it cannot be told. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  const here = unwrap(schema);
  const [first, ...rest] = path;
  if (first === undefined) {
    if (here instanceof z.ZodObject) return Object.keys(here.shape);
    if (here instanceof z.ZodUnion)
      return [...new Set(here.options.flatMap((option) => fieldsAt(option as z.ZodType, [])))];
    return [];
  }
  if (here instanceof z.ZodObject) {
    const field: unknown = Object.hasOwn(here.shape, first) ? here.shape[String(first)] : undefined;
    return field === undefined ? [] : fieldsAt(field as z.ZodType, rest);
  }
  if (here instanceof z.ZodArray) return fieldsAt(here.element as z.ZodType, rest);
  if (here instanceof z.ZodRecord) return fieldsAt(here.valueType as z.ZodType, rest);
  if (here instanceof z.ZodUnion)
    return [...new Set(here.options.flatMap((option) => fieldsAt(option as z.ZodType, path)))];
  return [];
}

function unwrap(schema: z.ZodType): z.ZodType {
  let here = schema;
  for (;;) {
    if (
      here instanceof z.ZodOptional ||
      here instanceof z.ZodDefault ||
      here instanceof z.ZodNullable ||
      here instanceof z.ZodReadonly
    )
      here = here.unwrap() as z.ZodType;
    else if (here instanceof z.ZodLazy) here = here.unwrap() as z.ZodType;
    else if (here instanceof z.ZodPipe) here = here.in as z.ZodType;
    else return here;
  }
}
