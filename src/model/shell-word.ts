/** A text as one word of a command that a person copies into a shell. Pure. */

const PLAIN = /^[\w@%+=:,./][\w@%+=:,./-]*$/;

/** As it is where no shell gives its characters a meaning, else in single quotes (POSIX, 2.2.2). */
export function shellWord(text: string): string {
  // A dash alone is standard input, never an option.
  return PLAIN.test(text) || text === '-' ? text : quotedWord(text);
}

/** In quotes also where none are needed: what a person puts in place of a part of it may need them. */
export function quotedWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
