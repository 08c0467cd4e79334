/**
 * Where the text of a mutation stands in its file: compared token by token, so that a line break of the formatter, or
 * the comma that comes with it, makes no difference.
 */

/** Words, strings, and single signs. */
const TOKEN = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\w$]+|\S/g;
const CLOSING = new Set([')', ']', '}']);

export interface Place {
  readonly start: number;
  readonly end: number;
}

/** Every place of `find` in `text`, from the first to the last. */
export function placesOf(text: string, find: string): readonly Place[] {
  const tokens = find.match(TOKEN) ?? [];
  const pattern = tokens.map((token) => (CLOSING.has(token) ? `,?\\s*${escaped(token)}` : escaped(token))).join('\\s*');
  return [...text.matchAll(new RegExp(pattern, 'g'))].map(({ index, 0: found }) => ({
    start: index,
    end: index + found.length,
  }));
}

function escaped(token: string): string {
  return token.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
