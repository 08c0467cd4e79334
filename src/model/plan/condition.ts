/**
 * A condition of a plan, as data: a comparison of values with references in them. It is no code: it calls nothing, and
 * what a reference yields is compared and never read as a condition.
 */
import * as z from 'zod';
import type { Json } from '../canonical-json.ts';
import { JsonValueSchema } from './field.ts';

/** One reference to true or false; or one operator with what it compares. */
export type Condition =
  | string
  | {
      /** Are both the same value? */
      readonly eq: readonly [Json, Json];
    }
  | {
      /** Are they different values? */
      readonly ne: readonly [Json, Json];
    }
  | {
      /** Is the first greater? */
      readonly gt: readonly [Json, Json];
    }
  | {
      /** Is the first greater, or the same? */
      readonly ge: readonly [Json, Json];
    }
  | {
      /** Is the first less? */
      readonly lt: readonly [Json, Json];
    }
  | {
      /** Is the first less, or the same? */
      readonly le: readonly [Json, Json];
    }
  | {
      /** Is the first an item of the second? */
      readonly in: readonly [Json, Json];
    }
  | {
      /** Does the reference lead to a value other than null? */
      readonly exists: string;
    }
  | {
      /** Do all hold? */
      readonly and: readonly Condition[];
    }
  | {
      /** Does one hold? */
      readonly or: readonly Condition[];
    }
  | {
      /** Does it not hold? */
      readonly not: Condition;
    };

export type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'in';

const OPERATORS = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'in', 'exists', 'and', 'or', 'not'];

const SidesSchema = z.array(JsonValueSchema).length(2);
const PartSchema: z.ZodType<Condition> = z.lazy(() => ConditionSchema);

const OperatorSchema = z
  .strictObject({
    eq: SidesSchema.optional().describe('Are both the same value? Text is never the same as a number.'),
    ne: SidesSchema.optional().describe('Are they different values?'),
    gt: SidesSchema.optional().describe('Is the first greater? Two numbers, or two texts.'),
    ge: SidesSchema.optional().describe('Is the first greater, or the same? Two numbers, or two texts.'),
    lt: SidesSchema.optional().describe('Is the first less? Two numbers, or two texts.'),
    le: SidesSchema.optional().describe('Is the first less, or the same? Two numbers, or two texts.'),
    in: SidesSchema.optional().describe('Is the first an item of the second, which is a list?'),
    exists: z.string().optional().describe('Does the reference lead to a value other than null?'),
    and: z
      .array(PartSchema)
      .min(1)
      .optional()
      .describe('Do all hold? They are looked at in order, up to one that is false.'),
    or: z
      .array(PartSchema)
      .min(1)
      .optional()
      .describe('Does one hold? They are looked at in order, up to one that is true.'),
    not: PartSchema.optional().describe('Does it not hold?'),
  })
  .superRefine((condition, context) => {
    const given = Object.keys(condition);
    if (given.length !== 1)
      context.addIssue({
        code: 'custom',
        message: 'must say one thing',
        params: {
          expected: `one of ${OPERATORS.join(', ')}`,
          found: given.length === 0 ? 'none' : given.join(', '),
          hint: 'put several into `and: [ … ]` or `or: [ … ]`',
        },
      });
  });

export const ConditionSchema = z
  .union([z.string(), OperatorSchema as unknown as z.ZodType<Exclude<Condition, string>>])
  .meta({
    id: 'Condition',
    description:
      'One reference to true or false, or one operator: { eq: ["${{ steps.ID.output.kind }}", refund] }, ' +
      '{ gt: ["${{ state.total }}", 10] }, { exists: "${{ input.note }}" }, { and: [ … ] }, { not: … }.',
  });
