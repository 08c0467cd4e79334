/** For how long the record of a job that has ended is kept, and what becomes of it then. */
import * as z from 'zod';
import { referencedVariable } from './env-reference.ts';

const ArchiveSchema = z
  .string()
  .min(1)
  .describe(
    '`${{ env.NAME }}`: the environment variable NAME of whoever runs `holdfast gc` holds the path of a folder. Or ' +
      'the path itself; a relative one starts at the folder that gc is given.',
  )
  .superRefine((folder, context) => {
    if (referencedVariable(folder) !== undefined || !(folder.includes('${{') || /^[a-z][a-z0-9+]+:/i.test(folder)))
      return;
    context.addIssue({
      code: 'custom',
      message: 'is no folder',
      params: { expected: '${{ env.NAME }}, or the path of a folder', found: 'other text' },
    });
  });

export const RetentionSchema = z
  .strictObject({
    days: z
      .number()
      .min(0)
      .max(36_500)
      .optional()
      .describe('The record of a job is kept for so many days after the job has ended. Default: age removes nothing.'),
    jobs: z
      .int()
      .min(0)
      .max(1_000_000)
      .optional()
      .describe('Of the jobs of this plan in one folder the records of the latest so many are kept. Default: none.'),
    archive: ArchiveSchema.optional().describe(
      'The folder where a record goes, as a tar file, before it is removed. Default: it is removed.',
    ),
  })
  .refine(({ days, jobs }) => days !== undefined || jobs !== undefined, {
    message: 'expected days, jobs or both: nothing else says what is removed',
  });
export type Retention = z.infer<typeof RetentionSchema>;

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Does a record go? Pure.
 * @param ended how long ago the job has ended, and how many jobs of its plan after it
 */
export function isOver(
  { days = 0, jobs = 0 }: Retention,
  ended: { readonly agoMs: number; readonly newer: number },
): boolean {
  return ended.agoMs >= days * DAY_MS && ended.newer >= jobs;
}
