/** One form in which a secret is looked for. */
import { secretMark } from '../../model/step/secret.ts';

/** Shorter values can't be told from other text. */
export const MIN_SECRET_CHARACTERS = 8;

export interface Form {
  /** Of the secret. */
  readonly name: string;
  readonly text: string;
  readonly bytes: Buffer;
  /** What stands in its place. */
  readonly mark: string;
  /** How many characters at its beginning are no secret: a URL's scheme and user. */
  readonly openCharacters: number;
}

export function formOf(name: string, text: string, openCharacters = 0): Form {
  return { name, text, bytes: Buffer.from(text, 'utf8'), mark: secretMark(name), openCharacters };
}
