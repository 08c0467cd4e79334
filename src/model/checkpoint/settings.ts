/** Where a job's checkpoints are kept, and what becomes of the job where they can't be. */
import * as z from 'zod';
import { referencedVariable } from '../env-reference.ts';

const StoreSchema = z
  .string()
  .min(1)
  .describe(
    "`${{ env.NAME }}`: the worker's environment variable NAME holds a path or a URL (postgres://…). Or the path of " +
      "a folder; a relative one starts at the worker's configured root.",
  )
  .superRefine((store, context) => {
    if (referencedVariable(store) !== undefined) return;
    if (!store.includes('${{') && !/^[a-z][a-z0-9+]*:/i.test(store)) return;
    context.addIssue({
      code: 'custom',
      message: 'is no place that may stand here: whoever reads the history would read a URL, its password too',
      params: {
        expected: '${{ env.NAME }}, or the path of a folder',
        // Never the URL itself.
        found: 'other text',
        hint: 'write store: ${{ env.CHECKPOINT_STORE }} and set CHECKPOINT_STORE for the worker',
      },
    });
  });

export const CheckpointSettingsSchema = z.strictObject({
  store: StoreSchema,
  mode: z
    .enum(['required', 'best-effort'])
    .optional()
    .describe(
      'required: no step runs before the checkpoint of what came before is stored and read back. best-effort: the ' +
        'job goes on without, and says so. Default: required.',
    ),
  keep: z
    .int()
    .min(3, 'expected 3 or more: so many stay in any case')
    .max(1_000_000)
    .optional()
    .describe('So many of the latest checkpoints stay when `holdfast gc` cleans up. Default: all.'),
});
export type CheckpointSettings = z.infer<typeof CheckpointSettingsSchema>;
