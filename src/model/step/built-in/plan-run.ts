/** The built-in step `plan.run`: a plan that runs as a job of its own, and what the record has of it. */
import * as z from 'zod';
import { DigestSchema } from '../../digest.ts';
import { JsonSchema } from '../../json.ts';
import { defineStep } from '../step.ts';

/** What a job of a plan returns: the state that it ends with, and what each of its steps has returned. */
const SubPlanOutputSchema = z.strictObject({
  state: z.record(z.string(), JsonSchema),
  outputs: z.record(z.string(), JsonSchema),
});

/** As a plan names it. Its input is that of the plan which it runs; the Workflow starts the job. */
export const planRunStep = defineStep({
  name: 'plan.run',
  input: z.record(z.string(), JsonSchema),
  output: SubPlanOutputSchema,
});

/** In the record before the job is started: what it is to be given. Its token gives the job's id. Changes nothing. */
export const beginPlanStep = defineStep({
  name: 'holdfast.begin-plan',
  input: z.strictObject({ plan: z.string(), digest: DigestSchema, workspace: z.string(), given: DigestSchema }),
  output: z.strictObject({}),
});

/** In the record once the job has ended: which it was, and what it has returned. Changes nothing. */
export const endPlanStep = defineStep({
  name: 'holdfast.end-plan',
  input: z.strictObject({ job: z.string(), plan: z.string(), workspace: z.string(), output: SubPlanOutputSchema }),
  output: SubPlanOutputSchema,
});
