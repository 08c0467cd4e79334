/** Where in the text a problem stands: its line and column, and the line itself. */
import { isAlias, isMap, isPair, isScalar, isSeq, type LineCounter, type Document, type Node, type Pair } from 'yaml';
import { inColumns } from '../../readable-line.ts';
import { withoutCredentials } from '../../shown-value.ts';
import type { PlanProblem } from '../problem/problem.ts';

/** Gives a problem its place: the field it names, or the nearest part around it that is written. */
export function placed(problem: PlanProblem, document: Document.Parsed, lines: LineCounter): PlanProblem {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const part of pathParts(problem.path)) {
    if (isAlias(node)) node = node.resolve(document);
    const next = partOf(node, part);
    if (next === undefined || next === null) break;
    offset = startOf(isPair(next) ? next.key : next) ?? offset;
    node = isPair(next) ? next.value : next;
  }
  return { ...problem, ...position(lines, offset ?? 0) };
}

function partOf(node: unknown, part: string | number): Pair | Node | null | undefined {
  if (isMap(node)) return node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
  return isSeq(node) && typeof part === 'number' ? (node.items[part] as Node | null | undefined) : undefined;
}

function startOf(node: unknown): number | undefined {
  return (node as { readonly range?: readonly number[] | null } | null)?.range?.[0];
}

/** `steps[2].with["a b"]` → `steps`, 2, `with`, `a b`. */
function pathParts(path: string): readonly (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)].map(([, index, quoted, name]) => {
    if (index !== undefined) return Number(index);
    return quoted === undefined ? name! : (JSON.parse(quoted) as string);
  });
}

export function position(lines: LineCounter, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

const MAX_EXCERPT_LENGTH = 120;

export function withExcerpt(problem: PlanProblem, text: string): PlanProblem {
  if (problem.line === undefined) return problem;
  const source = text.split('\n', problem.line)[problem.line - 1]?.replace(/[\r\t]/g, ' ') ?? '';
  const readable = inColumns(source);
  if (source.trim() === '') return problem;
  const column = problem.column ?? 1;
  const from = Math.max(0, Math.min(column - 40, source.length - MAX_EXCERPT_LENGTH));
  const line = withoutCredentials(readable).slice(from, from + MAX_EXCERPT_LENGTH);
  const number = String(problem.line);
  const margin = ' '.repeat(number.length);
  const indent = ' '.repeat(Math.max(0, column - 1 - from));
  return { ...problem, excerpt: `${number} | ${line}\n${margin} | ${indent}^` };
}
