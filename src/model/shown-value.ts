/** A value in a few words, for messages. No password of a URL is in them. */

/** Hides what follows `://` in a URL that may hold a password (`user:secret@host`, `?password=…`), mark for mark. */
export function withoutCredentials(text: string): string {
  return text.replace(/:\/\/\S*[@?]\S*/g, (found) => `://${'*'.repeat(found.length - 3)}`);
}

const MAX_SHOWN_LENGTH = 60;

/** A value in a few words, for `found`. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = withoutCredentials(JSON.stringify(value) ?? String(value));
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}
