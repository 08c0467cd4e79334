/**
 * One line of text in which nothing can act on a terminal or hide: control, bidirectional and invisible characters
 * are shown as what they are.
 */

const MAX_LINE_CHARACTERS = 240;

/** One line with nothing in it that acts, hides or never ends. */
export function readableLine(line: string): { readonly text: string; readonly isCut: boolean } {
  const isCut = line.length > MAX_LINE_CHARACTERS;
  const cut = isCut ? `${line.slice(0, MAX_LINE_CHARACTERS).toWellFormed()}… (${line.length} characters)` : line;
  return { text: cut.replace(UNSEEN, codePoint), isCut };
}

/** Lines of which none acts or hides, however long they are. */
export function readableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(UNSEEN, codePoint))
    .join('\n');
}

/** One mark for each such character, where the columns must stay. */
export function inColumns(line: string): string {
  return line.replace(UNSEEN, '\ufffd');
}

function codePoint(character: string): string {
  if (character === '\r') return '␍';
  return `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}>`;
}

/** Everything that a terminal obeys, that reorders text or that can't be seen; tab and ordinary space may stay. */
// oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
const UNSEEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
