/**
 * Fields that a schema does not know and would drop without a word: zod's `z.object` does so. A misspelled option is
 * then the default, and nobody is told. Schemas that say what becomes of others (`strictObject`, `looseObject`,
 * `catchall`) are left to that. Pure.
 *
 * Of a union the form that takes the value is the one that drops: zod takes the first that fits. What a `preprocess`
 * makes of the value is not known here, nor what it drops.
 */
import * as z from 'zod';

export interface UnknownField {
  /** Of the object that has the field. */
  readonly path: Path;
  readonly name: string;
  readonly known: readonly string[];
}

type Path = readonly (string | number)[];

/** @param value what the schema accepts: of a value that no form of a union fits, nothing is said */
export function unknownFields(schema: z.core.$ZodType, value: unknown, path: Path = []): readonly UnknownField[] {
  if (typeof value !== 'object' || value === null) return [];
  if (schema instanceof z.ZodObject) return inObject(schema, value as Readonly<Record<string, unknown>>, path);
  if (schema instanceof z.ZodArray) return inList(value, path, () => schema.element);
  if (schema instanceof z.ZodTuple) {
    const { items, rest } = schema.def;
    return inList(value, path, (index) => items[index] ?? rest ?? undefined);
  }
  if (schema instanceof z.ZodRecord)
    return Object.entries(value).flatMap(([name, member]) => unknownFields(schema.valueType, member, [...path, name]));
  if (schema instanceof z.ZodUnion) {
    const form = schema.options.find((option) => z.safeParse(option, value).success);
    return form === undefined ? [] : unknownFields(form, value, path);
  }
  if (schema instanceof z.ZodIntersection) return unknownToBoth(schema.def, value, path);
  if (schema instanceof z.ZodLazy) return unknownFields(schema.unwrap(), value, path);
  if (schema instanceof z.ZodPipe) return unknownFields(schema.in, value, path);
  const inner = innerType(schema);
  return inner === undefined ? [] : unknownFields(inner, value, path);
}

function inObject(
  { shape, def }: z.ZodObject,
  value: Readonly<Record<string, unknown>>,
  path: Path,
): readonly UnknownField[] {
  const members: Readonly<Record<string, z.core.$ZodType>> = shape;
  const known = Object.keys(members);
  return Object.entries(value).flatMap(([name, member]) => {
    const schema = Object.hasOwn(members, name) ? members[name] : def.catchall;
    return schema === undefined ? [{ path, name, known }] : unknownFields(schema, member, [...path, name]);
  });
}

function inList(
  value: object,
  path: Path,
  schemaOf: (index: number) => z.core.$ZodType | undefined,
): readonly UnknownField[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item, index) => {
    const schema = schemaOf(index);
    return schema === undefined ? [] : unknownFields(schema, item, [...path, index]);
  });
}

/** An intersection keeps what either side keeps. */
function unknownToBoth(
  { left, right }: z.core.$ZodIntersectionDef,
  value: object,
  path: Path,
): readonly UnknownField[] {
  const byRight = unknownFields(right, value, path);
  return unknownFields(left, value, path).flatMap((field) => {
    const same = byRight.find((other) => placeOf(other) === placeOf(field));
    return same === undefined ? [] : [{ ...field, known: [...new Set([...field.known, ...same.known])] }];
  });
}

function placeOf({ path, name }: UnknownField): string {
  return JSON.stringify([...path, name]);
}

/** What `optional`, `nullable`, `default` and the like stand around. */
function innerType(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  return 'innerType' in schema._zod.def ? (schema._zod.def.innerType as z.core.$ZodType) : undefined;
}
