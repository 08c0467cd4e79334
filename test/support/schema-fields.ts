/** The fields of a schema, at every level: what whoever fills it in may give. */
import * as z from 'zod';

/** Sorted, each once: `steps[].with`, `headers.env`; of what nests in itself the first level. */
export function fieldsOf(schema: z.core.$ZodType): readonly string[] {
  return [...new Set(namesIn(schema, '', []))].sort();
}

function namesIn(schema: z.core.$ZodType, at: string, within: readonly z.core.$ZodType[]): readonly string[] {
  if (within.includes(schema)) return [];
  const inner = (next: z.core.$ZodType, place = at): readonly string[] => namesIn(next, place, [...within, schema]);
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape as Record<string, z.core.$ZodType>).flatMap(([name, member]) => [
      `${at}${name}`,
      ...inner(member, `${at}${name}.`),
    ]);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => inner(option));
  if (schema instanceof z.ZodIntersection) return [schema.def.left, schema.def.right].flatMap((side) => inner(side));
  if (schema instanceof z.ZodTuple) return schema.def.items.flatMap((item) => inner(item));
  if (schema instanceof z.ZodArray) return inner(schema.element);
  if (schema instanceof z.ZodRecord) return inner(schema.valueType);
  if (schema instanceof z.ZodPipe) return inner(schema.in);
  // What is any JSON has no fields.
  if (schema instanceof z.ZodLazy) return [];
  const { innerType } = schema._zod.def as { readonly innerType?: z.core.$ZodType };
  return innerType === undefined ? [] : inner(innerType);
}
