/** A path in the workspace as a plan spells it, made uniform: two spellings of one path become the same text. */

import { HoldfastError } from '../failure.ts';

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string; readonly hint: string };

/** The folder of a workspace that holds the record: no step and no plan may name it. */
export const HOLDFAST_DIRECTORY = '.holdfast';

const BACKSLASH = 'holds a backslash';
const BACKSLASH_HINT =
  'write / between folders; a name that itself holds a backslash is matched by ? in a pattern, and named by the code ' +
  'of a step';

/**
 * A path in the workspace, without `./`, `//` and the like. A backslash is refused though a name may hold one: in a
 * plan it is nearly always a path as Windows spells it, which would in silence be another file.
 */
export function workspacePath(path: string): Checked<string> {
  if (path === '') return refused('is empty', 'name a path inside the workspace');
  if (path.includes('\0')) return refused('holds a NUL character', 'no file can be named so');
  if (path.includes('\\')) return refused(BACKSLASH, BACKSLASH_HINT);
  if (path.startsWith('/') || /^[A-Za-z]:\//.test(path))
    return refused('is an absolute path', 'write it relative to the workspace');
  if (path.startsWith('~'))
    return refused('begins with ~, which is not expanded', 'write it relative to the workspace');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined)
      return refused('leads out of the workspace', 'use a path inside the workspace; `..` cannot leave it');
  }
  if (parts.length === 0) return refused('is the workspace itself', 'name a file or folder in it');
  if (parts[0]!.toLowerCase() === HOLDFAST_DIRECTORY)
    return refused('lies in .holdfast/, where the record of the job is kept', 'choose another folder');
  return { ok: true, value: parts.join('/').normalize('NFC') };
}

/** The same of a path that a plan has from a reference. @throws HoldfastError `bad-input` */
export function refuseBackslash(...paths: readonly string[]): void {
  const path = paths.find((one) => one.includes('\\'));
  if (path === undefined) return;
  throw new HoldfastError('bad-input', `The path ${JSON.stringify(path)} ${BACKSLASH}: ${BACKSLASH_HINT}.`, { path });
}

export function refused(
  problem: string,
  hint: string,
): { readonly ok: false; readonly problem: string; readonly hint: string } {
  return { ok: false, problem, hint };
}
