/**
 * A channel's schema, asked after each write.
 *
 * Invariant: where it can be told item by item, only what was written is looked at: a list that grows costs each write
 * the same. A list whose length has a bound is looked at whole, which that bound makes a matter of no length.
 */
import * as z from 'zod';
import { canonicalJson, type Json } from '../../canonical-json.ts';
import { isList } from '../../list.ts';
import { shown } from '../../shown-value.ts';
import type { Channel } from '../../state/channel.ts';
import { isListChannel, type ChannelDeclaration } from '../../state/reducer.ts';
import type { ChannelCheck } from '../../state/state-channels.ts';
import { problemsFromZod } from './from-zod.ts';
import type { PlanProblem } from './problem.ts';

/** Is a schema that would change the value (coerce, transform, drop or add fields) a problem, too? */
type Strictness = 'lenient' | 'exact';

/** @param at the path of the channel, for messages */
export function checkBySchema(
  validator: z.ZodType,
  at: string,
  declared: ChannelDeclaration,
  strictness: Strictness = 'lenient',
): ChannelCheck {
  const item = isListChannel(declared) ? itemOf(validator) : undefined;
  if (item === undefined) return ({ value }) => problemOf(validator, value, { at, strictness });
  return (_channel: Pick<Channel, 'value'>, written: Json) => {
    for (const one of isList(written) ? written : [written]) {
      const problem = problemOf(item, one, { at: `${at}[]`, strictness });
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** Of what the items of a list are, where the list itself may have any length. */
function itemOf(validator: z.ZodType): z.ZodType | undefined {
  if (!(validator instanceof z.ZodArray) || (validator.def.checks ?? []).length > 0) return undefined;
  return validator.element as z.ZodType;
}

function problemOf(
  validator: z.ZodType,
  value: Json,
  { at, strictness }: { readonly at: string; readonly strictness: Strictness },
): string | undefined {
  const result = validator.safeParse(value);
  if (result.success) return strictness === 'exact' ? changeProblem(value, result.data, at) : undefined;
  return problemsFromZod(result.error, value, validator, at).map(problemText).join('; ');
}

/** A state is kept as it was written. */
function changeProblem(value: Json, made: unknown, at: string): string | undefined {
  if (isSame(value, made)) return undefined;
  return `${at} would be changed by its schema, from ${shown(value)} to ${shown(made)}: state is kept as it is written`;
}

function isSame(value: Json, made: unknown): boolean {
  try {
    return canonicalJson(made) === canonicalJson(value);
  } catch {
    return false;
  }
}

function problemText({ path, message, expected, found = 'nothing' }: PlanProblem): string {
  const sides = expected === undefined ? '' : ` (expected ${expected}, found ${found})`;
  return `${path} ${message}${sides}`;
}
