/**
 * One line of text in which nothing can act on a terminal or hide: control, bidirectional and invisible characters
 * are shown as what they are.
 */

const MAX_LINE_CHARACTERS = 240;

/** One line with nothing in it that acts, hides or never ends. */
export function readableLine(line: string): { readonly text: string; readonly isCut: boolean } {
  const isCut = line.length > MAX_LINE_CHARACTERS;
  const cut = isCut ? `${line.slice(0, MAX_LINE_CHARACTERS).toWellFormed()}… (${line.length} characters)` : line;
  return {
    text: cut.replace(UNSEEN, (character) =>
      character === '\r' ? '␍' : `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}>`,
    ),
    isCut,
  };
}

/** Everything that a terminal obeys, that reorders text or that can't be seen; tab and ordinary space may stay. */
// oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
const UNSEEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
