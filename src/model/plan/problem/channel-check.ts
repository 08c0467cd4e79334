/**
 * A channel's schema, asked after each write.
 *
 * Invariant: where it can be told item by item, only what was written is looked at: a list that grows costs each write
 * the same. A list whose length has a bound is looked at whole, which that bound makes a matter of no length.
 */
import * as z from 'zod';
import type { Json } from '../../canonical-json.ts';
import { isList } from '../../list.ts';
import type { Channel } from '../../state/channel.ts';
import { isListChannel, type ChannelDeclaration } from '../../state/reducer.ts';
import type { ChannelCheck } from '../../state/state-channels.ts';
import { problemsFromZod } from './from-zod.ts';
import type { PlanProblem } from './problem.ts';

/** @param at the path of the channel, for messages */
export function checkBySchema(validator: z.ZodType, at: string, declared: ChannelDeclaration): ChannelCheck {
  const item = isListChannel(declared) ? itemOf(validator) : undefined;
  if (item === undefined) return ({ value }) => problemOf(validator, value, at);
  return (_channel: Channel, written: Json) => {
    for (const one of isList(written) ? written : [written]) {
      const problem = problemOf(item, one, `${at}[]`);
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

function problemOf(validator: z.ZodType, value: Json, at: string): string | undefined {
  const result = validator.safeParse(value);
  if (result.success) return undefined;
  return problemsFromZod(result.error, value, validator, at).map(problemText).join('; ');
}

function problemText({ path, message, expected, found = 'nothing' }: PlanProblem): string {
  const sides = expected === undefined ? '' : ` (expected ${expected}, found ${found})`;
  return `${path} ${message}${sides}`;
}
