/**
 * Keeps what Node compiles for the next start of the program: Temporal's SDK is some hundred files, and compiling them
 * is much of what a worker's start takes.
 */
import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { cacheDirectory } from '../dev-server/cache-directory.ts';

/** NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE go before. Where nothing can be kept, the start is slower. */
export function keepCompiled(env: NodeJS.ProcessEnv): void {
  if ((env['NODE_COMPILE_CACHE'] ?? '') !== '') return;
  try {
    enableCompileCache(path.join(cacheDirectory(env), 'compiled'));
  } catch {
    // A user without a home.
  }
}
