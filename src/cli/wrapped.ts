/** Long sentences at a terminal: broken between words, and set in under their beginning. Elsewhere a line stays one. */
import type { Terminal } from './terminal.ts';

const MIN_COLUMNS = 40;

/** Of a line of text without colours; `indent`: of the lines after the first. */
export function wrapped({ isTty, columns }: Terminal, line: string, indent: number): string {
  const width = Math.max(MIN_COLUMNS, columns);
  if (!isTty || line.length <= width) return line;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const place = rest.lastIndexOf(' ', width);
    // A word that is longer than a line is left to the terminal.
    if (place <= indent) break;
    lines.push(rest.slice(0, place));
    rest = `${' '.repeat(indent)}${rest.slice(place + 1)}`;
  }
  return [...lines, rest].join('\n');
}
