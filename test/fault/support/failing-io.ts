/** Libraries for LD_PRELOAD, made of failing-io.c and recording-io.c, which say what they do. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Why a test that needs it is skipped; false: it is not. */
export const withoutCompiler =
  spawnSync('cc', ['--version']).status === 0 ? false : 'there is no C compiler (cc) to make the library with';

/** The path of the library. */
export function buildFailingIo(folder: string, name: 'failing-io' | 'recording-io' = 'failing-io'): string {
  const library = join(folder, `${name}.so`);
  const source = new URL(`./${name}.c`, import.meta.url).pathname;
  const built = spawnSync('cc', ['-O1', '-Wall', '-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread'], {
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(built.stderr);
  return library;
}
