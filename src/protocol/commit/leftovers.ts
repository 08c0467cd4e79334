/** Removes the leftovers of killed attempts beside the files of an intent. */
import type { Intent } from '../../model/record/intent.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** Call under the lock, once the intent is applied or dropped. Safe to repeat. */
export async function removeIntentLeftovers(
  workspace: Workspace,
  { token, effects }: Pick<Intent, 'token' | 'effects'>,
): Promise<void> {
  const paths = effects.flatMap((effect) => ('path' in effect ? [effect.path] : []));
  if (paths.length > 0) await workspace.files.removeLeftovers(token, paths);
}
