/**
 * Patterns of file names in a workspace: `*` within a folder, `**` across folders, `?` one character, `[a-z]` one of
 * these characters, `[!a]` one other character, `{a,b}` either text. All of them match a dot at the start of a name
 * too, as in git's ignore files; everything else stands for itself, parentheses too. Pure.
 *
 * What other tools have besides (a leading `!`, `{1..9}`, `[[:alpha:]]`, `***`) is refused by name, never taken as
 * plain text. A name that holds such characters itself is written with `[[]` for `[`, and `?` for `{` and `!`.
 */
import { HoldfastError } from '../failure.ts';
import { expandBraces, hasBraces } from './braces.ts';
import { expressionOfGlob, hasWildcards } from './glob.ts';
import { refused, workspacePath, type Checked } from './workspace-path.ts';

export interface PatternProblem {
  /** As the rest of a sentence that begins with the pattern. */
  readonly problem: string;
  readonly hint: string;
}

const MAX_ALTERNATIVES = 1_000;
const RANGE = /\{[^{},/]*\.\.[^{},/]*\}/;
const MANY_STARS = /\*{3,}/;
const NAMED_CLASS = /\[[!^]?\[:\w*:\]/;
const FIRST_SPECIAL = /^!|[*?[{]/;

/** Does it name more than one file, or try to? */
export function isFilePattern(path: string): boolean {
  return hasWildcards(path) || hasBraces(path) || unsupported(path) !== undefined;
}

/** What forbids to use a text as a path or pattern; undefined: nothing. */
export function patternProblem(text: string): PatternProblem | undefined {
  const problem = unsupported(text);
  if (problem !== undefined) return problem;
  const alternatives = expandBraces(text, MAX_ALTERNATIVES);
  if (alternatives === undefined)
    return { problem: `stands for more than ${MAX_ALTERNATIVES} texts`, hint: 'write several patterns' };
  for (const alternative of alternatives) {
    if (!compiles(alternative))
      return {
        problem: 'holds [ ] with what is no range of characters',
        hint: 'write the lower one first: [a-z]; of a name that holds brackets, write [[] for the first',
      };
  }
  return undefined;
}

/** A path in the workspace as `workspacePath` makes it uniform, or a pattern that names many. */
export function workspacePattern(text: string): Checked<string> {
  const checked = workspacePath(text);
  const problem = checked.ok ? patternProblem(checked.value) : undefined;
  return problem === undefined ? checked : refused(problem.problem, problem.hint);
}

/** The folder below which everything that matches lies; '' for the whole workspace. */
export function folderOfPattern(pattern: string): string {
  const special = pattern.search(FIRST_SPECIAL);
  const fixed = special < 0 ? pattern : pattern.slice(0, special);
  return fixed.slice(0, Math.max(0, fixed.lastIndexOf('/')));
}

/** Compile it once for many paths. @throws HoldfastError `bad-input` for what `patternProblem` tells */
export function expressionOfPattern(pattern: string): RegExp {
  const text = pattern.replace(/^\.\//, '');
  const problem = patternProblem(text);
  if (problem !== undefined)
    throw new HoldfastError('bad-input', `The pattern "${pattern}" ${problem.problem}: ${problem.hint}.`);
  const sources = expandBraces(text, MAX_ALTERNATIVES)!.map((alternative) => expressionOfGlob(alternative).source);
  return new RegExp(sources.join('|'), 'su');
}

function unsupported(text: string): PatternProblem | undefined {
  if (text.startsWith('!'))
    return {
      problem: 'begins with "!", and patterns that leave files out are not supported',
      hint: 'name what is to match; "?" matches a "!" that a name begins with',
    };
  const range = RANGE.exec(text)?.[0];
  if (range !== undefined)
    return { problem: `holds the range ${range}, which is not supported`, hint: 'write its texts out: {1,2,3}' };
  const stars = MANY_STARS.exec(text)?.[0];
  if (stars !== undefined) return { problem: `holds ${stars}, which is not supported`, hint: 'write * or **' };
  const namedClass = NAMED_CLASS.exec(text)?.[0];
  if (namedClass !== undefined)
    return { problem: `holds ${namedClass}, which is not supported`, hint: 'write its characters out: [a-z]' };
  return undefined;
}

function compiles(glob: string): boolean {
  try {
    expressionOfGlob(glob);
    return true;
  } catch {
    return false;
  }
}
