/** The agent's tools: what each is called, what it is for, what goes in and comes out. The model is told all of it. */
import { defineStep, z } from 'holdfast';

const path = z.string().describe('relative to the root of the repository, such as src/a.js');

export const read = defineStep({
  name: 'read',
  description: 'Read a text file.',
  input: z.object({ path }),
  output: z.object({ text: z.string() }),
});

export const edit = defineStep({
  name: 'edit',
  description: 'Replace a piece of a text file. The piece must occur exactly once.',
  input: z.object({ path, find: z.string().min(1), replace: z.string() }),
  output: z.object({ changed: z.string() }),
});

export const test = defineStep({
  name: 'test',
  description: 'Run the tests of the repository.',
  input: z.object({}),
  output: z.object({ passed: z.boolean(), output: z.string() }),
});
