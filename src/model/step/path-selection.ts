/** The paths of a workspace that a command is given, that it reads, or that others may change meanwhile. */
import { expressionOfPattern, isFilePattern } from './file-pattern.ts';

/** Which paths a list of files, folders and patterns selects. */
export class PathSelection {
  readonly #tests: readonly ((path: string) => boolean)[] | undefined;

  /** @param patterns default: everything is selected */
  constructor(patterns?: readonly string[]) {
    this.#tests = patterns?.map(testOf);
  }

  has(path: string): boolean {
    return this.#tests === undefined || this.#tests.some((test) => test(path));
  }
}

function testOf(pattern: string): (path: string) => boolean {
  if (!isFilePattern(pattern)) return (path) => path === pattern || path.startsWith(`${pattern}/`);
  // Without * and ? it names files or folders one by one, and a folder is selected with all in it.
  const expressions = [pattern, ...(/[*?]/.test(pattern) ? [] : [`${pattern}/**`])].map(expressionOfPattern);
  return (path) => expressions.some((expression) => expression.test(path));
}
