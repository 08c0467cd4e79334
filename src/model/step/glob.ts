/**
 * Patterns of file names as picomatch takes them. Pure; part of the Workflows' bundle, so picomatch without its look at
 * the platform.
 *
 * Invariants
 * 1. `*` and `**` match a dot at the start of a name too, as in git's ignore files; `**` crosses folders also where it
 *    is only a part of a name (`a**b`).
 * 2. Brackets are also themselves: `pages/[id].tsx` names the file that is called so besides `pages/i.tsx`.
 */
import picomatch from 'picomatch/posix.js';

const PICOMATCH_OPTIONS: picomatch.PicomatchOptions = {
  // An expression that can't be compiled is an error, not one that matches nothing.
  debug: true,
  dot: true,
  fastpaths: false,
  // `?` is one character, also where that takes two units of UTF-16; `.` is any.
  flags: 'su',
  literalBrackets: false,
  nonegate: true,
  strictSlashes: true,
};

const CHARACTER_CLASS = String.raw`\[(?:[!^][^\]/\\]+|[^\]!^/\\][^\]/\\]*)\]`;
const TOKEN = new RegExp(String.raw`(\*\*\/|\*\*|[*?]|${CHARACTER_CLASS})`);

/** Any text across folders, as part of a name. */
const ACROSS_FOLDERS = '{*,*/**/*}';
/** Nothing, or any text across folders that ends with a `/`. */
const FOLDERS = '{,?*/**/}';

/** Does the text hold `*`, `?` or a class of characters? */
export function hasWildcards(text: string): boolean {
  return TOKEN.test(text);
}

/** @param pattern without braces @throws SyntaxError for a class of characters that is none */
export function expressionOfGlob(pattern: string): RegExp {
  return picomatch.makeRe(picomatchText(pattern), PICOMATCH_OPTIONS);
}

function picomatchText(pattern: string): string {
  const parts = pattern.split(TOKEN);
  // The parts are in turn plain text and a token.
  return parts.reduce((text, part, index) => {
    if (index % 2 === 0) return text + literal(part);
    const isLast = parts.slice(index + 1).every((next) => next === '');
    return text + picomatchToken(part, text === '' || text.endsWith('/'), isLast);
  }, '');
}

function picomatchToken(token: string, isStartOfName: boolean, isLast: boolean): string {
  switch (token) {
    case '*':
    case '?':
      return token;
    case '**/':
      return isStartOfName ? token : FOLDERS;
    case '**':
      return isStartOfName && isLast ? token : ACROSS_FOLDERS;
    default:
      // Without a "/" of its own picomatch would add one where it turns the last "-" into a range.
      return `{${literal(token)},${token.replace(/^\[[!^]/, '[^/')}}`;
  }
}

/**
 * What picomatch takes as plain text. Under the flag `u` only some characters may follow a backslash, and picomatch
 * gives a dot within braces a meaning, escaped or not: these become a class of their own.
 */
function literal(text: string): string {
  return text.replace(/[\\^$|+()[\]{}*?]/g, String.raw`\$&`).replace(/[",.]/g, '[$&]');
}
