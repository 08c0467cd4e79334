/**
 * Texts of the world (names, contents, messages) inside Markdown: none of them can end its block, or be rendered as a
 * link, as emphasis or as HTML. Pure. Rule: CommonMark 4.5 (fences) and 6.1 (code spans).
 */

const MARKUP = /[`*_[\]<>\\]/;
const SHORTEST_FENCE = 3;

/** Lines as a block of code, whatever runs of backticks they hold. */
export function fenced(language: string, lines: readonly string[]): string[] {
  const fence = '`'.repeat(Math.max(SHORTEST_FENCE, longestRun(lines.join('\n')) + 1));
  return [`${fence}${language}`, ...lines, fence];
}

/** One line as code. */
export function inlineCode(text: string): string {
  const marks = '`'.repeat(longestRun(text) + 1);
  const space = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${marks}${space}${text}${space}${marks}`;
}

/** One line as it is, or as code where Markdown would make something else of it. */
export function inlineText(text: string): string {
  return MARKUP.test(text) ? inlineCode(text) : text;
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}
