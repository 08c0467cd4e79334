/** A value in a few words, for messages. No password of a URL is in them. */

/** Hides what follows `://` in a URL that may hold a password (`user:secret@host`, `?password=…`), mark for mark. */
export function withoutCredentials(text: string): string {
  return text.replace(/:\/\/\S*[@?]\S*/g, (found) => `://${'*'.repeat(found.length - 3)}`);
}

const MAX_SHOWN_LENGTH = 60;

/** The beginning of a text that is longer than that, with a mark that it is. */
export function cutAt(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

/** A name that somebody has written, for a message: names that are known are short. */
export function shownName(name: string): string {
  return cutAt(name, MAX_SHOWN_LENGTH);
}

/** So many problems are told of one document; whoever has written it mends these first. */
const MAX_TOLD_PROBLEMS = 100;

/** The first of them, and how many there are besides. */
export function firstOf(problems: readonly string[]): readonly string[] {
  const more = problems.length - MAX_TOLD_PROBLEMS;
  return more <= 0 ? problems : [...problems.slice(0, MAX_TOLD_PROBLEMS), `and ${more} more`];
}

/** A value in a few words, for `found`. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  return cutAt(withoutCredentials(asText(value)), MAX_SHOWN_LENGTH);
}

/** An object that holds itself, or a number of any length, has no JSON. */
function asText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Array.isArray(value) ? 'a list that is no JSON' : `a ${typeof value} that is no JSON`;
  }
}
