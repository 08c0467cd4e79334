/** What a disturbed run did otherwise than the undisturbed one. Pure. */
import * as z from 'zod';

export const DifferenceSchema = z.strictObject({
  /**
   * `effect`: what a step did past `ctx`; `request`: what services received; `unsteady`: attempts of one step that
   * staged different things; `file`, `rows`, `result`: what the run left; `end`: how it ended.
   */
  kind: z.enum(['effect', 'request', 'unsteady', 'file', 'rows', 'result', 'end']),
  /** In whose code. Absent: not known. */
  step: z.string().optional(),
  /** Which effect: `POST https://…`, `appendFile log.txt`, `file:log.txt`, `table:main/note`. */
  what: z.string(),
  /** How often it was made, where that is what differs. */
  times: z.strictObject({ expected: z.int(), found: z.int() }).optional(),
  /** As the undisturbed run has it, in words. */
  expected: z.string(),
  /** As the disturbed run has it, in words. */
  found: z.string(),
  /** In the source: `steps.ts:12`. */
  at: z.string().optional(),
  /** What to change. */
  advice: z.string(),
});
/** What a disturbed run did otherwise than the undisturbed one. */
export type Difference = z.infer<typeof DifferenceSchema>;

/** Tells whether two runs show the same fault. */
export function faultKey({ kind, step, what, at }: Difference): string {
  return JSON.stringify([kind, step, at ?? what]);
}

export function timesText(times: number): string {
  return times === 1 ? 'once' : times === 2 ? 'twice' : times === 0 ? 'never' : `${times} times`;
}
