/** Which paths a list of files, folders and patterns selects. */
import { expressionOfPattern, isFilePattern } from './file-pattern.ts';

/** Which paths a list of files, folders and patterns selects. */
export class PathSelection {
  readonly #tests: readonly ((path: string) => boolean)[] | undefined;

  /** Left out: everything. */
  constructor(patterns?: readonly string[]) {
    this.#tests = patterns?.map(testOf);
  }

  has(path: string): boolean {
    return this.#tests === undefined || this.#tests.some((test) => test(path));
  }
}

function testOf(pattern: string): (path: string) => boolean {
  if (!isFilePattern(pattern)) return (path) => path === pattern || path.startsWith(`${pattern}/`);
  const expression = expressionOfPattern(pattern);
  return (path) => expression.test(path);
}
