/** An option that takes JSON. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Json } from '../model/canonical-json.ts';
import { HoldfastError } from '../model/failure.ts';
import type { Terminal } from './terminal.ts';

/** JSON as it stands there, or `@` and the path of a file that has it. @throws HoldfastError `bad-input` */
export async function jsonOf(
  terminal: Pick<Terminal, 'cwd'>,
  option: string,
  given: string | undefined,
): Promise<Json | undefined> {
  if (given === undefined) return undefined;
  const isFile = given.startsWith('@');
  const file = path.resolve(terminal.cwd, given.slice(1));
  try {
    return JSON.parse(isFile ? await readFile(file, 'utf8') : given) as Json;
  } catch (cause) {
    const where = isFile ? `the file ${file}` : JSON.stringify(given.slice(0, 60));
    throw new HoldfastError(
      'bad-input',
      `${option}: expected JSON, or @ and the path of a file that has it; found ${where}: ${(cause as Error).message}.`,
      { option },
      { cause },
    );
  }
}
