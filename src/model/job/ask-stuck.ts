/** The Activity `askStuck`: its request. */
import * as z from 'zod';

/** A step can't be given its input, or its output doesn't fit the state: put to a person. */
export const AskStuckRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  stepId: z.string(),
  type: z.string(),
  message: z.string(),
  /** What `rerun` would run again, with what depends on it. */
  rerun: z.array(z.string()),
});
export type AskStuckRequest = z.infer<typeof AskStuckRequestSchema>;
