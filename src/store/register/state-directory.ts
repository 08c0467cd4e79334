/** Where workers of this host note what they do. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `HOLDFAST_STATE_DIR`, else `holdfast` in the user's folder for state. */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const explicit = env['HOLDFAST_STATE_DIR'];
  if (explicit !== undefined && explicit !== '') return explicit;
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'holdfast');
}
