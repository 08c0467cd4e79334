/** Where Holdfast keeps what can be made again, outside every checkout and workspace. */
import os from 'node:os';
import path from 'node:path';

export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return path.join(env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'holdfast');
}
