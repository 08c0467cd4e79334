/** The built-in steps `file.write`, `file.copy` and `file.remove`: their contracts. */
import * as z from 'zod';
import { DigestSchema } from '../../digest.ts';
import { TEXT_ENCODINGS } from '../step-files.ts';
import { defineStep } from '../step.ts';

const PathSchema = z.string().min(1).describe('A path in the workspace.');
const HardLinksSchema = z
  .enum(['refuse', 'split'])
  .optional()
  .describe(
    'Of a file with other names (hard links): refuse (default) does not write it; split replaces it, and the other ' +
      'names keep the old content, also when the step is undone.',
  );
const WrittenFileSchema = { path: z.string(), sizeBytes: z.int().min(0), digest: DigestSchema };

/** Writes text to a file. Folders that are missing are created. */
export const fileWriteStep = defineStep({
  name: 'file.write',
  input: z.strictObject({
    path: PathSchema,
    content: z.string().describe('The whole content.'),
    encoding: z
      .enum(TEXT_ENCODINGS)
      .optional()
      .describe('Of the file that is written. Default: utf-8. A character that it has no bytes for is an error.'),
    mode: z
      .string()
      .regex(/^0?[0-7]{3}$/, 'permission bits as quoted text, such as "644"')
      .optional()
      .describe('Permission bits in octal, quoted: "644". Default: those of the file that is replaced, else 644.'),
    hardLinks: HardLinksSchema,
  }),
  output: z.strictObject(WrittenFileSchema),
});

/**
 * Copies a file within the workspace, byte for byte. Sources outside it are not read: nobody could tell later whether
 * they changed.
 */
export const fileCopyStep = defineStep({
  name: 'file.copy',
  input: z.strictObject({ from: PathSchema, to: PathSchema, hardLinks: HardLinksSchema }),
  output: z.strictObject(WrittenFileSchema),
});

/** Removes a file. One that is not there is no error. */
export const fileRemoveStep = defineStep({
  name: 'file.remove',
  input: z.strictObject({ path: PathSchema }),
  output: z.strictObject({ path: z.string(), existed: z.boolean() }),
});
