/** What is known of a value before the job runs, from its schema: does a reference's path fit it? */
import * as z from 'zod';
import { joinPath, type PathPart, type Reference } from './reference.ts';
import type { PlanProblem } from './problem.ts';
import type { StepContract } from '../step/step.ts';
import { unknownName } from './unknown-name.ts';

export interface Shape {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Shape>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: unknown;
  readonly items?: Shape | undefined;
  readonly default?: unknown;
}

export function shapeOf(contract: StepContract | undefined): Shape | undefined {
  if (contract === undefined) return undefined;
  try {
    return z.toJSONSchema(contract.output, { unrepresentable: 'any' }) as Shape;
  } catch {
    // A schema without a JSON Schema is no fault of the plan: then nothing is known of its shape.
    return undefined;
  }
}

/** Follows a path as far as the shape is known. `strict`: a part that may be left out is a problem as well. */
export function followShape(
  start: Shape | undefined,
  reference: Reference,
  at: string,
  startName: string,
  strict: boolean,
): readonly PlanProblem[] {
  let shape = start;
  let name = startName;
  for (const part of reference.path) {
    if (shape === undefined) return [];
    if (typeof part === 'number') {
      if (typeof shape.type === 'string' && shape.type !== 'array')
        return [wrongKind(at, reference, name, shape.type, part)];
      shape = shape.items;
    } else {
      if (typeof shape.type === 'string' && shape.type !== 'object')
        return [wrongKind(at, reference, name, shape.type, part)];
      const properties = shape.properties ?? {};
      if (Object.hasOwn(properties, part)) {
        const next: Shape = properties[part]!;
        if (strict && next.default === undefined && !(shape.required ?? []).includes(part)) {
          return [
            {
              path: at,
              message: `${reference.text} may be missing`,
              expected: 'an input that is required or has a default',
              hint: `list "${part}" under \`required\`, or give it a \`default\``,
            },
          ];
        }
        shape = next;
      } else if (
        shape.properties !== undefined &&
        (shape.additionalProperties === false || shape.additionalProperties === undefined)
      ) {
        return [unknownName(at, `member of ${name}`, part, Object.keys(properties), undefined)];
      } else {
        shape = typeof shape.additionalProperties === 'object' ? (shape.additionalProperties as Shape) : undefined;
      }
    }
    name = joinPath(name, part);
  }
  return [];
}

function wrongKind(path: string, reference: Reference, name: string, type: string, part: PathPart): PlanProblem {
  return {
    path,
    message: `${reference.text} leads nowhere`,
    expected: `${name} to be ${typeof part === 'number' ? 'a list' : 'an object'}`,
    found: `type ${type}`,
  };
}
