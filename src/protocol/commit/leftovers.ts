/** Removes what killed attempts left beside the files of an intent. */
import type { Intent } from '../../model/record/intent.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** What attempts that were killed have left beside an intent's files. Call under the lock, once it is applied or dropped. */
export async function removeIntentLeftovers(
  workspace: Workspace,
  { token, effects }: Pick<Intent, 'token' | 'effects'>,
): Promise<void> {
  const paths = effects.flatMap((effect) => ('path' in effect ? [effect.path] : []));
  if (paths.length > 0) await workspace.files.removeLeftovers(token, paths);
}
