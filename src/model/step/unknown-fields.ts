/**
 * Fields that a schema does not know and would drop without a word: zod's `z.object` does so. A misspelled option is
 * then the default, and nobody is told. Schemas that say what becomes of others (`strictObject`, `looseObject`,
 * `catchall`) are left to that. Pure.
 */
import * as z from 'zod';

export interface UnknownField {
  /** Of the object that has the field. */
  readonly path: readonly (string | number)[];
  readonly name: string;
  readonly known: readonly string[];
}

export function unknownFields(
  schema: z.core.$ZodType,
  value: unknown,
  path: readonly (string | number)[] = [],
): readonly UnknownField[] {
  if (typeof value !== 'object' || value === null) return [];
  if (schema instanceof z.ZodObject) return inObject(schema, value as Readonly<Record<string, unknown>>, path);
  if (schema instanceof z.ZodArray)
    return Array.isArray(value)
      ? value.flatMap((item, index) => unknownFields(schema.element, item, [...path, index]))
      : [];
  if (schema instanceof z.ZodRecord)
    return Object.entries(value).flatMap(([name, member]) => unknownFields(schema.valueType, member, [...path, name]));
  if (schema instanceof z.ZodPipe) return unknownFields(schema.in, value, path);
  const inner = innerType(schema);
  return inner === undefined ? [] : unknownFields(inner, value, path);
}

function inObject(
  { shape, def }: z.ZodObject,
  value: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
): readonly UnknownField[] {
  const members: Readonly<Record<string, z.core.$ZodType>> = shape;
  const known = Object.keys(members);
  return Object.entries(value).flatMap(([name, member]) => {
    if (Object.hasOwn(members, name)) return unknownFields(members[name]!, member, [...path, name]);
    return def.catchall === undefined ? [{ path, name, known }] : [];
  });
}

/** What `optional`, `nullable`, `default` and the like stand around. */
function innerType(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  return 'innerType' in schema._zod.def ? (schema._zod.def.innerType as z.core.$ZodType) : undefined;
}
