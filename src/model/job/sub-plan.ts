/** The Activity `subPlanOutcome`: what the job of a sub-plan has come to, for a Run that has not started it. */
import * as z from 'zod';
import { JsonSchema } from '../json.ts';

export const SubPlanOutcomeRequestSchema = z.strictObject({
  /** The job that runs the plan within which the other is. */
  jobId: z.string(),
  /** The step whose job it is. */
  stepId: z.string(),
  /** The job's Workflow id. */
  subJob: z.string(),
});
export type SubPlanOutcomeRequest = z.infer<typeof SubPlanOutcomeRequestSchema>;

export const SubPlanOutcomeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('running') }),
  z.strictObject({ kind: z.literal('completed'), result: JsonSchema }),
  /** `type` as the job's failure has it: `aborted`, `cancelled`, a step's own. */
  z.strictObject({ kind: z.literal('failed'), type: z.string(), message: z.string() }),
]);
/** What such a job has come to. */
export type SubPlanOutcome = z.infer<typeof SubPlanOutcomeSchema>;
