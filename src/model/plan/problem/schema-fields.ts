/** The fields that a zod schema knows at a path. */
import * as z from 'zod';

/** The fields that a schema knows at a path; none when that is not known. */
export function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
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
