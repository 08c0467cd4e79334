/** What is known of a value before the job runs, from its schema: does a reference's path fit it? */
import * as z from 'zod';
import type { StepContract } from '../../step/step.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { unknownName } from '../problem/unknown-name.ts';
import { joinPath, type PathPart } from '../reference/reference.ts';
import type { PlacedReference } from '../reference/references.ts';

/** The part of a JSON Schema that tells where a path leads. */
export interface Shape {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Shape>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: unknown;
  readonly items?: Shape | undefined;
  readonly default?: unknown;
}

/** Of a step's output. Undefined: nothing is known of it. */
export function shapeOf(contract: StepContract | undefined): Shape | undefined {
  if (contract === undefined) return undefined;
  try {
    return z.toJSONSchema(contract.output, { unrepresentable: 'any' }) as Shape;
  } catch {
    // A schema without a JSON Schema is no fault of the plan: then nothing is known of its shape.
    return undefined;
  }
}

/**
 * Follows a reference's path as far as the shape is known.
 * @param name of what has the shape, for people
 * @param isStrict a member that may be missing is a problem as well
 */
export function followShape(
  start: Shape | undefined,
  placed: PlacedReference,
  name: string,
  isStrict: boolean,
): readonly PlanProblem[] {
  let shape = start;
  let reached = name;
  for (const part of placed.reference.path) {
    if (shape === undefined) return [];
    const { type } = shape;
    if (typeof type === 'string' && type !== (typeof part === 'number' ? 'array' : 'object'))
      return [wrongKind(placed, reached, type, part)];
    if (typeof part === 'number') shape = shape.items;
    else {
      const problem = memberProblem(shape, placed, { reached, part, isStrict });
      if (problem !== undefined) return [problem];
      shape = memberOf(shape, part);
    }
    reached = joinPath(reached, part);
  }
  return [];
}

/** What is known of the value at a path. Undefined: nothing. */
export function shapeAt(start: Shape | undefined, path: readonly PathPart[]): Shape | undefined {
  return path.reduce<Shape | undefined>((shape, part) => {
    if (shape === undefined) return undefined;
    return typeof part === 'number' ? shape.items : memberOf(shape, part);
  }, start);
}

interface Member {
  /** The path that led to the object. */
  readonly reached: string;
  readonly part: string;
  readonly isStrict: boolean;
}

function memberProblem(shape: Shape, placed: PlacedReference, member: Member): PlanProblem | undefined {
  const { reached, part, isStrict } = member;
  const { path, reference } = placed;
  const properties = shape.properties ?? {};
  if (!Object.hasOwn(properties, part)) {
    if (shape.properties === undefined || !isClosed(shape)) return undefined;
    return unknownName({ path, what: `member of ${reached}`, name: part, known: Object.keys(properties) });
  }
  if (!isStrict || properties[part]!.default !== undefined || shape.required?.includes(part) === true) return undefined;
  return {
    path,
    message: `${reference.text} may be missing`,
    expected: 'an input that is required or has a default',
    hint: `list "${part}" under \`required\`, or give it a \`default\``,
  };
}

function memberOf({ properties = {}, additionalProperties }: Shape, part: string): Shape | undefined {
  if (Object.hasOwn(properties, part)) return properties[part];
  return typeof additionalProperties === 'object' ? (additionalProperties as Shape) : undefined;
}

function isClosed({ additionalProperties }: Shape): boolean {
  return additionalProperties === false || additionalProperties === undefined;
}

function wrongKind({ path, reference }: PlacedReference, name: string, type: string, part: PathPart): PlanProblem {
  return {
    path,
    message: `${reference.text} leads nowhere`,
    expected: `${name} to be ${typeof part === 'number' ? 'a list' : 'an object'}`,
    found: `type ${type}`,
  };
}
