/**
 * Keywords of a plan's schemas that stand where nobody would look at them: `minItems` without `items`, `required`
 * without `properties`, and whatever stands beside `enum` and `const`.
 *
 * Invariant: a schema without problems means what JSON Schema means by it.
 */
import type { Json } from '../../canonical-json.ts';
import { defined } from '../../defined.ts';
import { validatorOf, type JsonSchema } from '../json-schema.ts';
import type { Plan } from '../plan.ts';
import { shown } from '../../shown-value.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { formatPath } from '../problem/value-path.ts';

/** Which keyword is looked at only beside which other. */
const NEEDS = { minItems: 'items', maxItems: 'items', required: 'properties' } as const;

export function checkSchemas({ input, state }: Plan): readonly PlanProblem[] {
  return [
    ...(input === undefined ? [] : checkSchema(input, 'input')),
    ...Object.entries(state).flatMap(([key, { schema }]) =>
      schema === undefined ? [] : checkSchema(schema, `state.${key}.schema`),
    ),
  ];
}

function checkSchema(schema: JsonSchema, at: string): readonly PlanProblem[] {
  const { properties = {}, items, anyOf = [], additionalProperties } = schema;
  return [
    ...Object.entries(NEEDS).flatMap(([keyword, other]) =>
      isEmpty(schema[keyword as keyof typeof NEEDS]) || schema[other] !== undefined
        ? []
        : [alone(`${at}.${keyword}`, keyword, other)],
    ),
    ...checkValues(schema, at),
    ...Object.entries(properties).flatMap(([name, one]) => checkSchema(one, formatPath([name], `${at}.properties`))),
    ...(items === undefined ? [] : checkSchema(items, `${at}.items`)),
    ...anyOf.flatMap((one, index) => checkSchema(one, `${at}.anyOf[${index}]`)),
    ...(typeof additionalProperties === 'object'
      ? checkSchema(additionalProperties, `${at}.additionalProperties`)
      : []),
  ];
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

function alone(path: string, keyword: string, other: string): PlanProblem {
  return {
    path,
    message: `"${keyword}" means nothing without "${other}"`,
    expected: `${other} beside it`,
    hint: other === 'items' ? 'say what an item is: items: { type: string }' : 'list the names under `properties`',
  };
}

/** Each value that is listed must fit what stands beside the list: then it is no matter that it is not looked at. */
function checkValues(schema: JsonSchema, at: string): readonly PlanProblem[] {
  const { enum: listed, const: only, default: _, ...beside } = schema;
  if (listed !== undefined && only !== undefined)
    return [{ path: `${at}.const`, message: 'stands beside "enum"', expected: 'either enum or const' }];
  const { type, anyOf } = beside;
  if (type === undefined && anyOf === undefined) return [];
  const validator = validatorOf(beside);
  const refused = (value: Json): boolean => !validator.safeParse(value).success;
  return [
    ...(listed ?? []).flatMap((value, index) => (refused(value) ? [unfit(`${at}.enum[${index}]`, value, type)] : [])),
    ...(only !== undefined && refused(only) ? [unfit(`${at}.const`, only, type)] : []),
  ];
}

function unfit(path: string, value: Json, type: string | undefined): PlanProblem {
  return {
    path,
    message: 'does not fit what stands beside it',
    ...defined({ expected: type === undefined ? undefined : `type: ${type}, with its other keywords` }),
    found: shown(value),
  };
}
