/** Who sends something to a job, and why: kept in the record. */
import * as z from 'zod';

/** Who it is. @param does what the person does: `decides` */
export function whoSchema(does: string): z.ZodString {
  return z.string().min(1, `expected who ${does}, for example an email address`).max(200);
}

/** Why it is sent. */
export const WhySchema = z.string().min(1, 'expected why, in a few words').max(2_000);
