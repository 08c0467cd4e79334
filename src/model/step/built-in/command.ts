/** The built-in step `command`: its contract. */
import * as z from 'zod';
import { ArgvSchema, commandFields } from '../command-fields.ts';
import { DigestSchema } from '../../digest.ts';
import { defineStep } from '../step.ts';

/** What of a command's output is in its step's output: the rest is in the log blob. */
export const MAX_COMMAND_OUTPUT_CHARACTERS = 16_384;

/** Runs a command on a private copy of the workspace; what it changed there is applied as a whole. */
export const commandStep = defineStep({
  name: 'command',
  input: z
    .strictObject({
      run: ArgvSchema.describe('The program and its arguments, as a list; with shell: true one string.'),
      ...commandFields,
      inDoubt: z
        .enum(['ask', 'repeat'])
        .optional()
        .describe('Of a command in place whose end nobody knows. Default: ask.'),
    })
    .superRefine(({ run, shell, inPlace, inDoubt }, context) => {
      if ((typeof run === 'string') !== shell)
        context.addIssue({
          code: 'custom',
          path: ['run'],
          message: shell ? 'is a list, with shell: true' : 'is text, without a shell',
          params: { expected: shell ? 'one string' : 'a list of words, or shell: true' },
        });
      if (inDoubt !== undefined && !inPlace)
        context.addIssue({
          code: 'custom',
          path: ['inDoubt'],
          message: 'means nothing for a command on a copy',
          params: { expected: 'inPlace: true beside it' },
        });
    }),
  output: z.strictObject({
    exitCode: z.int(),
    /** At most 16,384 characters, the last ones. */
    stdout: z.string(),
    stderr: z.string(),
    /** The blob that holds its output. */
    log: DigestSchema,
    written: z.int(),
    removed: z.int(),
  }),
});
