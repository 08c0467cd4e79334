/**
 * A reference alone keeps its value's type. Does it stand where a step takes text alone, and is it known to yield none?
 *
 * Invariant: a plan that could run is never refused. The step's own schema is asked with a value of the known type, and
 * only its answer "text" at that very place counts.
 */
import type * as z from 'zod';
import type { Json } from '../../canonical-json.ts';
import { isList } from '../../list.ts';
import type { StepContract } from '../../step/step.ts';
import type { Plan } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { formatPath } from '../problem/value-path.ts';
import type { PathPart, Reference } from '../reference/reference.ts';
import { parseTemplate } from '../reference/template.ts';
import type { Destinations } from './destination.ts';

/** A value of each type that isn't text. */
const SAMPLES: Readonly<Record<string, Json>> = { integer: 1, number: 1, boolean: true, array: [], object: {} };

interface Known {
  readonly at: readonly PathPart[];
  readonly reference: Reference;
  readonly type: string;
}

/** For a plan whose references can all be read and lead somewhere. */
export function checkTypes(
  plan: Plan,
  contracts: ReadonlyMap<string, StepContract>,
  destinations: Destinations,
): readonly PlanProblem[] {
  return plan.steps.flatMap((step, index) => {
    const contract = contracts.get(step.use);
    if (contract === undefined) return [];
    const known: Known[] = [];
    const given = withSamples(step.with, { at: [], known, destinations });
    if (known.length === 0) return [];
    const issues = issuesOf(contract.input, given);
    return known
      .filter(({ at }) => issues.some((issue) => wantsText(issue, at)))
      .map((one) => textProblem(one, formatPath(one.at, `steps[${index}].with`)));
  });
}

function textProblem({ reference: { text }, type }: Known, path: string): PlanProblem {
  const isScalar = type !== 'array' && type !== 'object';
  const hint = isScalar
    ? `declare it as \`type: string\`, or write it within longer text: 'n=${text}'`
    : 'compute the text in a step and refer to its output';
  return {
    path,
    message: `${text} alone keeps its type, and text is needed here`,
    expected: 'text',
    found: type,
    hint,
  };
}

interface Walk {
  readonly at: readonly PathPart[];
  readonly known: Known[];
  readonly destinations: Destinations;
}

function withSamples(value: Json, { at, known, destinations }: Walk): Json {
  if (isList(value)) return value.map((item, index) => withSamples(item, { at: [...at, index], known, destinations }));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [
        key,
        withSamples(member, { at: [...at, key], known, destinations }),
      ]),
    );
  if (typeof value !== 'string') return value;
  const [reference, ...rest] = parseTemplate(value);
  if (reference === undefined || typeof reference === 'string' || rest.length > 0) return value;
  const type = destinations.shape(reference)?.type;
  if (typeof type !== 'string' || SAMPLES[type] === undefined) return value;
  known.push({ at, reference, type });
  return SAMPLES[type];
}

function issuesOf(schema: z.ZodType, given: Json): readonly z.core.$ZodIssue[] {
  try {
    return schema.safeParse(given).error?.issues ?? [];
  } catch {
    // A schema with asynchronous parts can be checked by the worker only.
    return [];
  }
}

/** Of a union every form must refuse what is there, and one of them for want of text. */
function wantsText(issue: z.core.$ZodIssue, at: readonly PropertyKey[]): boolean {
  if (!issue.path.every((part, index) => part === at[index])) return false;
  const rest = at.slice(issue.path.length);
  if (issue.code === 'invalid_type') return rest.length === 0 && issue.expected === 'string';
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return false;
  return (
    issue.errors.every((form) => form.some((inner) => refuses(inner, rest))) &&
    issue.errors.some((form) => form.some((inner) => wantsText(inner, rest)))
  );
}

/** Whatever value of that type stands at `at`. */
function refuses(issue: z.core.$ZodIssue, at: readonly PropertyKey[]): boolean {
  return issue.code === 'invalid_type' && issue.path.every((part, index) => part === at[index]);
}
