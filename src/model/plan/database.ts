/** A database of a plan: named by reference to the worker's environment, or a file of the workspace. */
import * as z from 'zod';
import { referencedVariable } from '../env-reference.ts';
import { MAX_BASE_LENGTH } from './database-base.ts';

const DatabaseUrlSchema = z
  .string()
  .describe(
    "`${{ env.NAME }}`: the worker's environment variable NAME holds the URL (postgres://… or " +
      'sqlite:path). Or `sqlite:relative/path`, a file in the workspace.',
  )
  .superRefine((url, context) => {
    if (referencedVariable(url) !== undefined) return;
    if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length && !url.includes('${{')) return;
    const scheme = /^[a-z][a-z0-9+]*:/i.exec(url)?.[0];
    context.addIssue({
      code: 'custom',
      message:
        scheme !== undefined && scheme !== 'sqlite:'
          ? 'is a literal URL; it would be kept in history for everyone to read, its password too'
          : 'is not a database URL that a plan may hold',
      params: {
        expected: '${{ env.NAME }}, or sqlite:relative/path',
        // Never the URL itself: it may hold a password.
        found: scheme === undefined || scheme === 'sqlite:' ? 'other text' : `${scheme}…`,
        hint: 'write url: ${{ env.DATABASE_URL }} and set DATABASE_URL for the worker',
      },
    });
  })
  // For editors, which do not see the check above.
  .meta({ pattern: '^(\\$\\{\\{ *env\\.[A-Za-z_]\\w* *\\}\\}|sqlite:.+)$' });

export const DatabaseSchema = z.strictObject({
  url: DatabaseUrlSchema,
  // No default is filled in: the digest of a plan without it stays the same.
  base: z
    .string()
    .min(1)
    .max(MAX_BASE_LENGTH)
    .optional()
    .describe(
      'SQL that makes what is in a PostgreSQL database before the job, or `@` and the path of a file with it, from ' +
        "the plan's folder: a fork into an empty database begins with it. Default: a fork is given one, or copies.",
    ),
});
