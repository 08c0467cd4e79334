/** The problem of a name that the plan does not declare. */
import { nearestName } from './nearest-name.ts';
import type { PlanProblem } from './problem.ts';

export function unknownName(
  path: string,
  what: string,
  name: string,
  known: readonly string[],
  otherwise: string | undefined,
): PlanProblem {
  const near = nearestName(name, known);
  const hint = [
    ...(near === undefined ? [] : [`did you mean "${near}"?`]),
    ...(otherwise === undefined ? [] : [near === undefined ? otherwise : `Else ${otherwise}`]),
  ].join(' ');
  return {
    path,
    message: `unknown ${what} "${name}"`,
    expected: known.length === 0 ? 'none is declared' : `one of ${known.join(', ')}`,
    ...(hint === '' ? {} : { hint }),
  };
}
