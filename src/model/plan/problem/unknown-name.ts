/** The problem of a name that the plan does not declare. */
import { defined } from '../../defined.ts';
import { nearestName } from '../../nearest-name.ts';
import { shownName } from '../../shown-value.ts';
import type { PlanProblem } from './problem.ts';

export interface UnknownName {
  readonly path: string;
  /** `step id`, `state key`, … */
  readonly what: string;
  readonly name: string;
  /** The names that are declared. */
  readonly known: readonly string[];
  /** What else its author can do. */
  readonly otherwise?: string;
}

export function unknownName({ path, what, name, known, otherwise }: UnknownName): PlanProblem {
  return {
    path,
    message: `unknown ${what} "${shownName(name)}"`,
    expected: known.length === 0 ? 'none is declared' : `one of ${known.join(', ')}`,
    ...defined({ hint: hintFor(nearestName(name, known), otherwise) }),
  };
}

function hintFor(near: string | undefined, otherwise: string | undefined): string | undefined {
  if (near === undefined) return otherwise;
  const question = `did you mean "${near}"?`;
  return otherwise === undefined ? question : `${question} Else ${otherwise}`;
}
