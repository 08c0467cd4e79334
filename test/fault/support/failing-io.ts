/** A library for LD_PRELOAD, made of failing-io.c, which says what it does. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const SOURCE = new URL('./failing-io.c', import.meta.url).pathname;

/** Why a test that needs it is skipped; false: it is not. */
export const withoutCompiler =
  spawnSync('cc', ['--version']).status === 0 ? false : 'there is no C compiler (cc) to make the library with';

/** The path of the library. */
export function buildFailingIo(folder: string): string {
  const library = join(folder, 'failing-io.so');
  const built = spawnSync('cc', ['-O1', '-Wall', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl', '-lpthread'], {
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(built.stderr);
  return library;
}
