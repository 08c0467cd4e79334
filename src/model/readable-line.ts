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

/** One line, however long it is. */
export function readableName(name: string): string {
  return name.replace(UNSEEN, codePoint);
}

/** One mark for each such character, where the columns must stay. */
export function inColumns(line: string): string {
  return line.replace(UNSEEN, '\ufffd');
}

function codePoint(character: string): string {
  if (character === '\r') return '␍';
  return `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}>`;
}

/** What a terminal obeys, what reorders text, what can't be seen or told from a space; tab and space may stay. */
export const UNSEEN = new RegExp(
  `[${[
    String.raw`\u0000-\u0008\u000a-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u180b-\u180e`,
    String.raw`\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\u{e0000}-\u{e0fff}`,
  ].join('')}]`,
  'gu',
);
