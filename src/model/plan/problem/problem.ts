/**
 * What is wrong with a plan: one problem, worded so that its author can correct it without help.
 *
 * Invariant: no problem shows the value of a literal URL's credentials.
 */
import { counted } from '../../counted.ts';
import { cutAt, firstOf } from '../../shown-value.ts';
import { readableLines } from '../../readable-line.ts';
import { shellWord } from '../../shell-word.ts';

/** `path` as a person reads it: `steps[2].with.path`. Line and column count from 1. */
export interface PlanProblem {
  /** Where in the plan. */
  readonly path: string;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** What would be right. */
  readonly expected?: string;
  /** What is there. */
  readonly found?: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Absent: the plan was no text. */
  readonly line?: number;
  /** Absent: the plan was no text. */
  readonly column?: number;
  /** The line of the plan, marked. */
  readonly excerpt?: string;
}

/** A name may be as long as its author likes; a line that is as long would hide the others. */
const MAX_LINE_LENGTH = 1_000;

/** The problems as a person reads them on a terminal, and the command to run next. Pure. */
export function formatProblems(problems: readonly PlanProblem[], filename: string): string {
  const closing = readableLines(`${filename}: ${correctPlan(problems, filename)}`);
  return `${listProblems(problems, filename)}\n\n${closing}`;
}

/** The problems alone. Without a file's name: of a plan that is no text. */
export function listProblems(problems: readonly PlanProblem[], filename?: string): string {
  return firstOf(problems.map((problem) => formatProblem(problem, filename))).join('\n\n');
}

/** How many there are, and what to type once they are corrected. */
export function correctPlan(problems: readonly PlanProblem[], filename: string): string {
  const count = counted(problems.length, 'problem');
  return `${count}. Correct, then run: holdfast check ${shellWord(filename)}`;
}

function formatProblem(problem: PlanProblem, filename: string | undefined): string {
  const at = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  const place = filename === undefined ? '' : `${filename}${at}  `;
  const lines = [`${place}${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`];
  if (problem.excerpt !== undefined) lines.push(...problem.excerpt.split('\n').map((line) => `    ${line}`));
  if (problem.expected !== undefined) lines.push(`  expected: ${problem.expected}`);
  if (problem.found !== undefined) lines.push(`  found:    ${problem.found}`);
  if (problem.hint !== undefined) lines.push(`  hint:     ${problem.hint}`);
  return readableLines(lines.map((line) => cutAt(line, MAX_LINE_LENGTH)).join('\n'));
}
