/**
 * Headers that hold secrets: named in plan and record by the worker's environment variable, filled in just before they
 * are sent, and taken out again of what the endpoint says.
 */
import { referenceTo } from '../../model/env-reference.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { HttpHeaders } from '../../model/step/http-headers.ts';
import { formsOf } from './forms.ts';

/** A shorter value is found in too much that is no secret. */
const MIN_REDACTED_CHARACTERS = 6;

export class HttpSecrets {
  readonly #headers: HttpHeaders;
  readonly #values: ReadonlyMap<string, string>;

  /** @throws HoldfastError `missing-variable`, `bad-input`; never with the value */
  constructor(headers: HttpHeaders, env: Readonly<Record<string, string | undefined>>) {
    this.#headers = headers;
    this.#values = new Map(
      Object.entries(headers).flatMap(([header, value]) =>
        typeof value === 'string' ? [] : [[value.env, secretOf(header, value.env, env)] as const],
      ),
    );
  }

  /** Whose values the headers hold. */
  get variables(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** With the values: for the request alone. Names in lower case. */
  filledIn(): Record<string, string> {
    return this.#headersWith((variable) => this.#values.get(variable)!);
  }

  /** With the variables' names: for people and the record. */
  shown(): Record<string, string> {
    return this.#headersWith(referenceTo);
  }

  /**
   * The text with the variables' names in the place of secrets that the endpoint echoes, in whatever form.
   */
  redact(text: string): string {
    let redacted = text;
    for (const [variable, secret] of this.#values) {
      if (secret.length < MIN_REDACTED_CHARACTERS) continue;
      for (const form of longestFirst(formsOf(secret)))
        redacted = redacted.replaceAll(form, () => referenceTo(variable));
    }
    return redacted;
  }

  #headersWith(valueOf: (variable: string) => string): Record<string, string> {
    return Object.fromEntries(
      Object.entries(this.#headers).map(([name, value]) => [
        name.toLowerCase(),
        typeof value === 'string' ? value : `${value.prefix ?? ''}${valueOf(value.env)}`,
      ]),
    );
  }
}

/** A form is found before another that is a part of it. A short one may be any word. */
function longestFirst(forms: readonly string[]): readonly string[] {
  return forms.filter((form) => form.length >= MIN_REDACTED_CHARACTERS).toSorted((a, b) => b.length - a.length);
}

function secretOf(header: string, variable: string, env: Readonly<Record<string, string | undefined>>): string {
  const secret = Object.hasOwn(env, variable) ? env[variable] : undefined;
  if (secret === undefined || secret === '') {
    const state = secret === '' ? 'empty' : 'not set';
    throw new HoldfastError(
      'missing-variable',
      `The environment variable ${variable} is ${state}; the header ${header} is to hold it.`,
      { variable },
    );
  }
  if (!/^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(secret)) {
    throw new HoldfastError(
      'bad-input',
      `The environment variable ${variable} cannot stand in the header ${header}. ` +
        'Expected ASCII text of one line, without spaces around it.',
      { variable },
    );
  }
  return secret;
}
