/**
 * Text with references: split into its literal pieces and its references.
 *
 * Invariant: `$${{` is the text `${{`; `escapeText` and `resolve` are inverse.
 */
import { HoldfastError } from '../../failure.ts';
import { parseReference, syntaxError } from './parse.ts';
import type { Reference } from './reference.ts';

const MAX_REFERENCE_SHOWN = 60;

/** Text in which nothing is a reference: `resolve(escapeText(text), …) === text`. */
export function escapeText(text: string): string {
  return text.replaceAll('${{', () => '$${{');
}

/**
 * Splits text into literal pieces and references.
 * @param onError told of each reference that cannot be read, which is then passed over; default: the first is thrown
 * @throws HoldfastError `bad-plan`
 */
export function parseTemplate(text: string, onError?: (error: HoldfastError) => void): readonly (string | Reference)[] {
  const parts: (string | Reference)[] = [];
  let literal = '';
  let at = 0;
  for (;;) {
    const open = text.indexOf('${{', at);
    if (open < 0) break;
    if (open > at && text[open - 1] === '$') {
      literal += `${text.slice(at, open - 1)}\${{`;
      at = open + 3;
      continue;
    }
    literal += text.slice(at, open);
    if (literal !== '') parts.push(literal);
    literal = '';
    // Where a reference that is not closed ends.
    at = text.length;
    try {
      at = endOfReference(text, open);
      parts.push(parseReference(text.slice(open, at)));
    } catch (error) {
      if (onError === undefined || !(error instanceof HoldfastError)) throw error;
      onError(error);
    }
  }
  literal += text.slice(at);
  if (literal !== '') parts.push(literal);
  return parts;
}

/** The index after the closing `}}`; a `}}` within a quoted name does not close. */
function endOfReference(text: string, start: number): number {
  const match = /\$\{\{(?:"(?:[^"\\]|\\.)*"|[^"}]|\}(?!\}))*\}\}/y;
  match.lastIndex = start;
  const found = match.exec(text);
  if (found) return match.lastIndex;
  throw syntaxError(
    text.slice(start, start + MAX_REFERENCE_SHOWN),
    'has no closing }}',
    'Close it with }}, or write $${{ for the text ${{.',
  );
}
