/** Do the values that a plan gives fit the schemas that it gives? */
import type { Json } from '../../canonical-json.ts';
import { validatorOf, type JsonSchema } from '../json-schema.ts';
import type { Plan } from '../plan.ts';
import { problemsFromZod } from '../problem/from-zod.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { formatPath } from '../problem/value-path.ts';
import { checkBy, initialProblem } from './reducers.ts';

/** Do the values that the plan itself gives fit the schemas that it gives? */
export function checkDeclarations(plan: Plan): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  if (plan.input !== undefined && plan.input.type !== 'object') {
    problems.push({
      path: 'input.type',
      message: "the input's schema is not that of an object",
      expected: 'type: object',
      found: String(plan.input.type ?? 'no type'),
      hint: 'name each input under `properties`',
    });
  }
  if (plan.input !== undefined) checkDefaults(plan.input, 'input');
  problems.push(...checkBy(plan));
  for (const [key, declared] of Object.entries(plan.state)) {
    const { initial, schema } = declared;
    if (schema !== undefined) checkDefaults(schema, `state.${key}.schema`);
    if (initial === undefined) continue;
    const problem = initialProblem(key, declared);
    if (problem !== undefined) problems.push(problem);
    else if (schema !== undefined) checkValue(schema, initial, `state.${key}.initial`);
  }
  return problems;

  function checkDefaults(schema: JsonSchema, at: string): void {
    if (schema.default !== undefined) checkValue(schema, schema.default, `${at}.default`);
    for (const [name, one] of Object.entries(schema.properties ?? {}))
      checkDefaults(one, formatPath([name], `${at}.properties`));
    if (schema.items !== undefined) checkDefaults(schema.items, `${at}.items`);
  }

  function checkValue(schema: JsonSchema, value: Json, at: string): void {
    const validator = validatorOf({ ...schema, default: undefined });
    const result = validator.safeParse(value);
    if (!result.success)
      problems.push(
        ...problemsFromZod(result.error, value, validator, at).map((problem) => ({
          ...problem,
          message: `does not fit its own schema: ${problem.message}`,
        })),
      );
  }
}
