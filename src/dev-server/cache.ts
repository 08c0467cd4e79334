/**
 * Holdfast's own cache of the Temporal program, outside every checkout.
 *
 * Invariant: it holds a whole program or none: the program is made beside it and renamed.
 */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from './cache-directory.ts';
import { answersVersion } from './run-program.ts';

/** The newest release of the command line that `go install` can build: later ones carry a `replace`. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

export function cachedProgram(env: NodeJS.ProcessEnv): string {
  return path.join(cacheDirectory(env), 'temporal', `cli-${TEMPORAL_CLI_VERSION}`, 'temporal');
}

/** A way to get the program: where it made it, or why it could not. */
export type ProgramSource = (
  draftFolder: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
) => Promise<ObtainedProgram>;

export type ObtainedProgram = { readonly file: string } | { readonly problem: string };

/**
 * Has `obtain` make the program in a folder of its own and moves it into place.
 * @returns why that failed; undefined: the program is in the cache
 */
export async function intoCache(
  target: string,
  obtain: (draftFolder: string) => Promise<ObtainedProgram>,
): Promise<string | undefined> {
  const draft = `${path.dirname(target)}.${process.pid}.tmp`;
  try {
    await fs.mkdir(draft, { recursive: true });
    const obtained = await obtain(draft);
    if ('problem' in obtained) return obtained.problem;
    await fs.chmod(obtained.file, 0o755);
    if (!(await answersVersion(obtained.file))) return 'what it brought does not run on this machine';
    await fs.mkdir(path.dirname(target), { recursive: true });
    await fs.rename(obtained.file, target);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await fs.rm(draft, { recursive: true, force: true });
  }
}
