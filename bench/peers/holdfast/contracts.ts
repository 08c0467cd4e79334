/** What the steps take; without code, so that Workflows may import it. */
import * as z from 'zod';
import { defineStep } from '../../../src/model/step/step.ts';

const nothing = z.strictObject({});

/** Writes the file and the row. */
export const noteStep = defineStep({
  name: 'note',
  input: z.strictObject({ index: z.int(), job: z.string() }),
  output: nothing,
});

/** Does the same so many times, each as a sub-step. */
export const manyStep = defineStep({
  name: 'many',
  input: z.strictObject({ steps: z.int(), job: z.string() }),
  output: nothing,
});

export interface JobInput {
  readonly job: string;
  readonly steps: number;
}

export interface Activities {
  note(job: string, index: number): Promise<void>;
}
