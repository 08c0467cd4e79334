/**
 * Secrets in a worker: values of its environment that steps are given, and that nothing else may hold.
 *
 * Invariants
 * 1. A value is given only to a step of a job that declares its name, and only where the plan put it or by
 *    `ctx.secret`.
 * 2. What is only shown (logs, progress, errors, questions, requests and answers of calls) says `«secret NAME»` in
 *    its place. What is recorded byte for byte (outputs, files, rows, statements, `ctx.once`) is refused when it holds
 *    one.
 * 3. All declared secrets of all jobs that a worker has met are looked for in all that it says, in all their forms. The
 *    passwords of databases are among them.
 */
import { referencedVariable } from '../../model/env-reference.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { formOf, MIN_SECRET_CHARACTERS, type Form } from './form.ts';
import { FormSet } from './form-set.ts';
import { formsOf } from './forms.ts';
import { redactData } from './redact-data.ts';
import { redactError } from './redact-error.ts';
import { RedactingStream } from './redacting-stream.ts';
import { formsOfUrl } from './url-forms.ts';

export interface SecretUse {
  readonly settings: Pick<JobSettings, 'secrets'>;
  readonly stepId: string;
  readonly workerId: string;
}

/** Those of one process. */
export class Secrets {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #known = new Set<string>();
  #forms = new FormSet();
  readonly #redact = (text: string): string => this.#forms.redact(text);

  /** @param env where the values are; a value that is not there is looked for nowhere */
  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  /** Nothing is looked for: no job with secrets or with a database's password was met. */
  get isEmpty(): boolean {
    return this.#forms.isEmpty;
  }

  /** From now on the secrets of such a job are looked for. Cheap to repeat. */
  know({
    secrets = [],
    databases,
  }: {
    readonly secrets?: readonly string[] | undefined;
    readonly databases: JobSettings['databases'];
  }): void {
    const ofSecrets = secrets.flatMap((name) => this.#newForms('secret', name, formsOfValue));
    const ofDatabases = Object.values(databases).flatMap((reference) => {
      const name = referencedVariable(reference);
      return name === undefined ? [] : this.#newForms('database', name, formsOfUrl);
    });
    const forms = [...ofSecrets, ...ofDatabases];
    if (forms.length > 0) this.#forms = this.#forms.with(forms);
  }

  /**
   * The same for variables in headers of requests. They need no declaration: a header says itself that it is secret.
   */
  knowVariables(names: readonly string[]): void {
    this.know({ secrets: names, databases: {} });
  }

  /**
   * A secret's value.
   * @throws HoldfastError `undeclared-secret`; `missing-secret` naming variable and worker when the variable is not
   * set, empty, or shorter than 8 characters
   */
  value(name: string, { settings, stepId, workerId }: SecretUse): string {
    const declared = settings.secrets ?? [];
    if (!declared.includes(name)) {
      const shown = JSON.stringify(name.slice(0, 100));
      throw new HoldfastError(
        'undeclared-secret',
        `Step ${stepId} requests the secret ${shown}, which the job does not declare; ` +
          `it declares ${declared.join(', ') || 'none'}.`,
        { name, stepId },
      );
    }
    const value = Object.hasOwn(this.#env, name) ? (this.#env[name] ?? '') : '';
    if (value.length >= MIN_SECRET_CHARACTERS) return value;
    const found =
      value === ''
        ? `has no variable ${name}, or an empty one`
        : `has a variable ${name} of ${value.length} characters; one that is shorter than ${MIN_SECRET_CHARACTERS} ` +
          'cannot be told from other text, and so not be kept out of it';
    throw new HoldfastError(
      'missing-secret',
      `Step ${stepId} needs the secret ${name}. The environment of the worker ${workerId} ${found}.`,
      { name, stepId, worker: workerId },
    );
  }

  /** The text with `«secret NAME»` in the place of every form of every secret. */
  redact(text: string): string {
    return this.#forms.redact(text);
  }

  /**
   * The same in all texts of plain data, names of members included. Returns the very value where there is nothing to
   * redact.
   */
  redactJson<T>(value: T): T {
    return this.isEmpty ? value : (redactData(this.#redact, value) as T);
  }

  /**
   * An error for others to see: message, stack, details and causes. The very error where there is nothing to redact.
   */
  redactError<E>(error: E): E {
    return this.isEmpty ? error : (redactError(this.#redact, error) as E);
  }

  /** The name of a secret that the text or the bytes hold; undefined: they hold none. */
  whichIn(content: string | Uint8Array): string | undefined {
    return this.#forms.whichIn(content);
  }

  /**
   * Refuses what is to be recorded byte for byte. `where` ends the sentence "… would hold it".
   * @throws HoldfastError `secret-in-output`
   */
  refuse(content: string | Uint8Array, where: string): void {
    const name = this.whichIn(content);
    if (name === undefined) return;
    throw new HoldfastError(
      'secret-in-output',
      `The secret ${name} must be in no record: ${this.redact(where)} would hold it. Nothing was applied.`,
      { name },
    );
  }

  /** The same for a stream, chunk by chunk; memory doesn't grow with its length. Throws while it is read. */
  async *refusing(
    content: AsyncIterable<Uint8Array | string>,
    where: string,
  ): AsyncGenerator<Uint8Array | string, void, undefined> {
    const tailBytes = Math.max(0, this.#forms.longestBytes - 1);
    let tail = Buffer.alloc(0);
    for await (const chunk of content) {
      const seen = Buffer.concat([tail, typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk]);
      this.refuse(seen, where);
      tail = Buffer.from(seen.subarray(Math.max(0, seen.byteLength - tailBytes)));
      yield chunk;
    }
  }

  /** For a text that people read, as it comes. */
  redactingStream(): RedactingStream {
    return new RedactingStream(() => this.#forms);
  }

  /** None for a variable that is known already, or not set. */
  #newForms(
    kind: 'secret' | 'database',
    name: string,
    formsOfIt: (name: string, value: string) => readonly Form[],
  ): readonly Form[] {
    if (this.#known.has(`${kind} ${name}`)) return [];
    this.#known.add(`${kind} ${name}`);
    return formsOfIt(name, this.#env[name] ?? '');
  }
}

function formsOfValue(name: string, value: string): readonly Form[] {
  return value.length < MIN_SECRET_CHARACTERS ? [] : formsOf(value).map((text) => formOf(name, text));
}
