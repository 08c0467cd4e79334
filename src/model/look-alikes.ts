/**
 * Lines of a difference that look the same and are not: homoglyphs, composed and decomposed letters, blanks of another
 * kind, blanks at the end. What makes them differ is shown as what it is.
 */

/** Letters of other scripts that are drawn as the Latin letter at the same place of the second text. */
const HOMOGLYPHS = 'аеорсухіјѕһԁԛԝѵӏАВЕЅІЈКМНОРСТУХҮԌΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανιρυ';
const LATIN = 'aeopcyxijshdqwvlABESIJKMHOPCTYXYGABEZHIKMNOPTYXoavipu';
const LATIN_OF = new Map(Array.from(HOMOGLYPHS, (letter, index) => [letter, LATIN[index]!]));

/** The lines of one hunk, each with its sign. */
export function markLookAlikes(lines: readonly string[]): readonly string[] {
  const removed = skeletons(lines, '-');
  const added = skeletons(lines, '+');
  return lines.map((line) => {
    if (!line.startsWith('-') && !line.startsWith('+')) return line;
    const marked = markEnd(line);
    const skeleton = skeletonOf(line.slice(1));
    return removed.has(skeleton) && added.has(skeleton) ? markAll(marked) : marked;
  });
}

function skeletons(lines: readonly string[], sign: '-' | '+'): ReadonlySet<string> {
  return new Set(lines.filter((line) => line.startsWith(sign)).map((line) => skeletonOf(line.slice(1))));
}

/** Equal for texts that look the same. */
export function skeletonOf(text: string): string {
  const letters = Array.from(text.normalize('NFKC'), (character) => LATIN_OF.get(character) ?? character);
  return letters.join('').replaceAll(/\s+/g, ' ').trim();
}

/** Do letters of other scripts that look like Latin ones stand among Latin ones? */
export function isMixed(word: string): boolean {
  return (word.match(/[\p{L}\p{M}]+/gu) ?? []).some((run) => {
    const letters = Array.from(run);
    return letters.some((letter) => LATIN_OF.has(letter)) && letters.some((letter) => /\p{Script=Latin}/u.test(letter));
  });
}

/** Blanks at the end of a line, but for the carriage return that ends lines elsewhere. */
function markEnd(line: string): string {
  return line.replace(/[ \t]+(?=\r?$)/, (blanks) => blanks.replaceAll(' ', '␠').replaceAll('\t', '␉'));
}

/** Each character that is none of ASCII with its code point. */
export function markAll(line: string): string {
  const shown = line.replaceAll('\t', '␉');
  return shown.replaceAll(/[\p{L}\p{M}\p{N}\p{P}\p{S}\u3000]/gu, (character) => {
    if (character < '\u0080' || character === '␠' || character === '␉') return character;
    const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return `${/\p{M}/u.test(character) ? '' : character}<U+${code}>`;
  });
}
