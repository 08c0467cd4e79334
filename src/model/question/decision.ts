/**
 * A person's answer to one question, as it comes by Signal, Update or command line; `ruling.ts` says if it can be
 * used.
 */
import * as z from 'zod';
import { AnswerSchema } from './answer.ts';
import { WhySchema, whoSchema } from './who-and-why.ts';
import { canonicalJson, type Json } from '../canonical-json.ts';
import { DigestSchema } from '../digest.ts';
import { isFailure } from '../failure.ts';
import { parsedAs } from '../parsed.ts';

/** All results of a decision together: they are in the history, in the record and in what the step goes on with. */
export const MAX_RESULTS_CHARACTERS = 64 * 1024;

/** Not `z.json()`: a value nested deep enough would end the reader, and with it a Signal's handler. */
const ResultSchema = z.custom<Json>().superRefine((value, context) => {
  try {
    const length = canonicalJson(value, 'result').length;
    if (length > MAX_RESULTS_CHARACTERS)
      context.addIssue({
        code: 'custom',
        message: `the result has ${length} characters; at most ${MAX_RESULTS_CHARACTERS} are taken`,
      });
  } catch (error) {
    if (!isFailure(error)) throw error;
    context.addIssue({ code: 'custom', message: `expected plain JSON: ${error.message}` });
  }
});

/** The form of a decision. Its meaning for a question: `ruleOn`. */
export const DecisionSchema = z.strictObject({
  /** The question's digest, as `holdfast question` and the Temporal UI show it. */
  digest: DigestSchema,
  /** For every finding that `items` doesn't name. */
  answer: AnswerSchema.optional(),
  /** Who decides: an email address, for example. At most 200 characters. */
  by: whoSchema('decides'),
  /** Why. At most 2,000 characters. */
  reason: WhySchema,
  /**
   * For `abort`: undo what the job did, newest first, each effect only where the world still shows it.
   * Default: it stays.
   */
  compensate: z.boolean().optional(),
  /** Resource → answer. */
  items: z.record(z.string(), AnswerSchema).optional(),
  /** For `happened`: what the call answered; `null` where it answers nothing. For one finding only. */
  result: ResultSchema.optional(),
  /** The same for several: resource → what the call answered. */
  results: z.record(z.string(), ResultSchema).optional(),
});
/** A person's answer to one question. */
export type Decision = z.infer<typeof DecisionSchema>;

/** The Signal `abort`: ends a job without a question. */
export const AbortSchema = z.strictObject({
  /** Who aborts: an email address, for example. At most 200 characters. */
  by: whoSchema('aborts'),
  /** Why. At most 2,000 characters. */
  reason: WhySchema,
  /** Undo what the job did, newest first. Default: it stays. */
  compensate: z.boolean().optional(),
});
/** A person's end of a job. */
export type Abort = z.infer<typeof AbortSchema>;

export function parseAbort(value: unknown): { readonly abort: Abort } | { readonly problems: readonly string[] } {
  const parsed = parsedAs(AbortSchema, value);
  return 'value' in parsed ? { abort: parsed.value } : parsed;
}

/** Parses what came by Signal, Update or command line: the decision, or in words what is wrong. Never throws. */
export function parseDecision(
  value: unknown,
): { readonly decision: Decision } | { readonly problems: readonly string[] } {
  const parsed = parsedAs(DecisionSchema, value);
  return 'value' in parsed ? { decision: parsed.value } : parsed;
}
