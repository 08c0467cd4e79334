/** The built-in step `http`: its contract. */
import * as z from 'zod';
import { JsonSchema } from '../../json.ts';
import { DigestSchema } from '../../digest.ts';
import { HttpRequestSchema } from '../http-request.ts';
import { defineStep } from '../step.ts';

/** Of a response that the step returns. */
export const MAX_HTTP_STEP_BYTES = 128 * 1024;

/**
 * Makes an HTTP request; the plan's `http.hosts` must name its host. A POST, PUT, PATCH or DELETE takes effect once,
 * or a person is asked.
 */
export const httpStep = defineStep({
  name: 'http',
  // What is not saved to a file goes into the history.
  input: HttpRequestSchema.superRefine(({ saveTo, maxBytes = 0 }, context) => {
    if (saveTo === undefined && maxBytes > MAX_HTTP_STEP_BYTES)
      context.addIssue({
        code: 'custom',
        path: ['maxBytes'],
        message: `is at most ${MAX_HTTP_STEP_BYTES} without saveTo`,
      });
  }),
  output: z.strictObject({
    status: z.int(),
    /** The one that answered, after redirects. */
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    /** Parsed where it is JSON, else text; null where there is none, and with `saveTo`. */
    body: JsonSchema,
    /** With `saveTo`. */
    path: z.string().optional(),
    sizeBytes: z.int().min(0).optional(),
    digest: DigestSchema.optional(),
  }),
});
