/** What a person sent, parsed: the value, or in words what is wrong with it. */
import type * as z from 'zod';
import { isTooDeep, TOO_DEEP } from './canonical-json.ts';
import { firstOf } from './shown-value.ts';
import { unknownName } from './options.ts';

export type Parsed<T> = { readonly value: T } | { readonly problems: readonly string[] };

/** Never throws. */
export function parsedAs<T>(schema: z.ZodObject & z.ZodType<T>, value: unknown): Parsed<T> {
  if (isTooDeep(value)) return { problems: [`what was sent ${TOO_DEEP}`] };
  const parsed = schema.safeParse(value);
  return parsed.success ? { value: parsed.data } : { problems: firstOf(problemsIn(parsed.error, schema)) };
}

/** One sentence each; a name that is unknown comes with the nearest one. */
export function problemsIn({ issues }: z.ZodError, { shape }: z.ZodObject): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownName(name, shape));
    return [issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message];
  });
}
