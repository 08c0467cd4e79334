/** What the steps take and return. */
import { defineStep, z } from 'holdfast';

const source = z.object({ name: z.string(), text: z.string() });

export const gather = defineStep({
  name: 'gather',
  input: z.object({ topic: z.string(), sources: z.array(z.string()) }),
  output: z.object({ found: z.array(source) }),
});

export const analyse = defineStep({
  name: 'analyse',
  input: z.object({ topic: z.string(), sources: z.array(source) }),
  output: z.object({ summary: z.string(), sources: z.number() }),
});
