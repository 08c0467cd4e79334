/** What the steps of the saga are given and return: no code, so that a Workflow may import it. */
import * as z from 'zod';
import type { Json } from '../../src/model/canonical-json.ts';
import { defineStep, type StepContract } from '../../src/model/step/step.ts';

const Empty = z.object({});
const step = <I extends z.ZodType>(name: string, input: I): StepContract<I, z.ZodType<Json>> =>
  defineStep({ name, input, output: z.json() as z.ZodType<Json> });

export const writing = step('writing', z.object({ text: z.string() }));
export const replacing = step('replacing', Empty);
export const removing = step('removing', Empty);
export const rows = step('rows', Empty);
export const statement = step('statement', Empty);
export const paying = step('paying', z.object({ amount: z.number() }));
export const posting = step('posting', Empty);
export const commanding = step('commanding', Empty);
export const both = step('both', Empty);
