/** The built-in step `wait`: its contract. */
import * as z from 'zod';
import { defineStep } from '../step.ts';

export const MAX_WAIT_SECONDS = 31_622_400;

/** Waits: a timer of the Workflow, which costs nothing and outlives every worker. */
export const waitStep = defineStep({
  name: 'wait',
  input: z
    .strictObject({
      seconds: z.number().min(0).max(MAX_WAIT_SECONDS).optional(),
      until: z.iso
        .datetime({ offset: true, error: 'a time with its zone, such as 2030-01-31T08:00:00Z' })
        .optional()
        .describe('A moment; one that has passed is no wait.'),
    })
    .superRefine((wait, context) => {
      const given = Object.keys(wait);
      if (given.length !== 1)
        context.addIssue({
          code: 'custom',
          message: 'must say how long',
          params: { expected: 'either seconds or until', found: given.length === 0 ? 'neither' : 'both' },
        });
    }),
  output: z.strictObject({}),
});
