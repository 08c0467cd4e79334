/**
 * Secrets in a worker: values of its environment that steps are given, and that nothing else may hold.
 *
 * Invariants
 * 1. A value is given only to a step of a job that declares its name, and only where the plan put it or by `ctx.secret`.
 * 2. What is only shown (logs, progress, errors, questions, requests and answers of calls) says `«secret NAME»` in its place. What is
 *    recorded byte for byte (outputs, files, rows, statements, `ctx.once`) is refused when it holds one.
 * 3. All declared secrets of all jobs that a worker has met are looked for in all that it says, in all their forms. The
 *    passwords of databases are among them.
 */
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { secretMark, type PlacedSecret } from '../../model/step/secret.ts';
import { ByteSearch } from './byte-search.ts';
import { formsOf } from './forms.ts';

/** Shorter values can't be told from other text. */
export const MIN_SECRET_CHARACTERS = 8;
/** Of a form that a bound has cut off, so much is still told to be one: what is shorter may be any word. */
const MIN_CUT_CHARACTERS = 8;
/** A text that is shorter was not cut by any bound without saying so (`…`). */
const MIN_BOUND_CHARACTERS = 400;
const MAX_CAUSES = 10;
const DATABASE_VARIABLE = /^\$\{\{\s*env\.([A-Za-z_]\w*)\s*\}\}$/;

interface Form {
  readonly name: string;
  readonly text: string;
  readonly bytes: Buffer;
  readonly mark: string;
  /** At its beginning, what is no secret: a URL's scheme and user. */
  readonly openCharacters: number;
}

/** Those of one process. */
export class Secrets {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #known = new Set<string>();
  #forms: readonly Form[] = [];
  #pattern: RegExp | undefined;
  #search: ByteSearch | undefined;
  #marks: ReadonlyMap<string, string> = new Map();

  /** @param env where the values are; what it has not is looked for nowhere */
  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  /** Nothing is looked for: no job with secrets or with a database's password was met. */
  get isEmpty(): boolean {
    return this.#forms.length === 0;
  }

  /** From now on the secrets of such a job are looked for. Cheap to repeat. */
  know({
    secrets = [],
    databases,
  }: {
    readonly secrets?: readonly string[] | undefined;
    readonly databases: JobSettings['databases'];
  }): void {
    const forms: Form[] = [];
    for (const name of secrets) {
      if (this.#known.has(`secret ${name}`)) continue;
      this.#known.add(`secret ${name}`);
      const value = this.#env[name] ?? '';
      if (value.length >= MIN_SECRET_CHARACTERS) forms.push(...formsOf(value).map((text) => formOf(name, text)));
    }
    for (const reference of Object.values(databases)) {
      const name = DATABASE_VARIABLE.exec(reference)?.[1];
      if (name === undefined || this.#known.has(`database ${name}`)) continue;
      this.#known.add(`database ${name}`);
      forms.push(...formsOfUrl(name, this.#env[name] ?? ''));
    }
    if (forms.length > 0) this.#add(forms);
  }

  /** The same for variables that stand in headers of requests. They need no declaration: a header says itself that it is secret. */
  knowVariables(names: readonly string[]): void {
    this.know({ secrets: names, databases: {} });
  }

  /**
   * A secret's value.
   * @throws HoldfastError `undeclared-secret`; `missing-secret` naming variable and worker when it is not set, empty, or shorter than 8 characters
   */
  value(
    name: string,
    {
      settings,
      stepId,
      workerId,
    }: { readonly settings: Pick<JobSettings, 'secrets'>; readonly stepId: string; readonly workerId: string },
  ): string {
    const declared = settings.secrets ?? [];
    if (!declared.includes(name)) {
      throw new HoldfastError(
        'undeclared-secret',
        `Step ${stepId} asks for the secret ${JSON.stringify(name.slice(0, 100))}, which the job does not declare; it declares ${declared.join(', ') || 'none'}.`,
        { name, stepId },
      );
    }
    const value = Object.hasOwn(this.#env, name) ? (this.#env[name] ?? '') : '';
    if (value.length >= MIN_SECRET_CHARACTERS) return value;
    const found =
      value === ''
        ? `has no variable ${name}, or an empty one`
        : `has a variable ${name} of ${value.length} characters; one that is shorter than ${MIN_SECRET_CHARACTERS} cannot be told from other text, and so not be kept out of it`;
    throw new HoldfastError(
      'missing-secret',
      `Step ${stepId} needs the secret ${name}. The environment of the worker ${workerId} ${found}.`,
      { name, stepId, worker: workerId },
    );
  }

  /** The text with `«secret NAME»` in the place of every form of every secret. */
  redact(text: string): string {
    if (this.#pattern === undefined) return text;
    const isClean = this.whichIn(text) === undefined;
    if (isClean && text.length < MIN_BOUND_CHARACTERS && !text.includes('…')) return text;
    const whole = isClean ? text : text.replace(this.#pattern, (form) => this.#marks.get(form) ?? '«secret»');
    const parts = whole.split('…');
    return parts
      .map((part, index) =>
        index < parts.length - 1 || part.length >= MIN_BOUND_CHARACTERS ? this.#withoutCutForm(part) : part,
      )
      .join('…');
  }

  /** The same in all texts of plain data, names of members included. Returns the very value where there is nothing to redact. */
  redactJson<T>(value: T): T {
    if (this.isEmpty) return value;
    return this.#redactedData(value) as T;
  }

  /** An error for others to see: message, stack, details and causes. The very error where there is nothing to redact. */
  redactError<E>(error: E): E {
    return this.isEmpty ? error : (this.#redactedError(error, MAX_CAUSES) as E);
  }

  /** The name of a secret that the text or the bytes hold. */
  whichIn(content: string | Uint8Array): string | undefined {
    const found = this.#search?.find(typeof content === 'string' ? Buffer.from(content, 'utf8') : content);
    return found === undefined ? undefined : this.#forms[found]!.name;
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
    const keep = Math.max(0, ...this.#forms.map(({ bytes }) => bytes.byteLength - 1));
    let tail = Buffer.alloc(0);
    for await (const chunk of content) {
      const seen = Buffer.concat([tail, typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk]);
      this.refuse(seen, where);
      tail = Buffer.from(seen.subarray(Math.max(0, seen.byteLength - keep)));
      yield chunk;
    }
  }

  /** A stream of text for people to read, with the marks in it, also where a secret lies across two chunks. Feed it; `end` gives the rest. */
  redactingStream(): { push(text: string): string; end(): string } {
    let held = '';
    return {
      push: (text) => {
        const all = held + text;
        const keep = Math.max(0, ...this.#forms.map((form) => form.text.length - 1));
        const cut = this.#cutOutsideForms(all, Math.max(0, all.length - keep));
        held = all.slice(cut);
        return this.redact(all.slice(0, cut));
      },
      end: () => {
        const rest = this.redact(held);
        held = '';
        return rest;
      },
    };
  }

  #add(forms: readonly Form[]): void {
    // The longest first: a part of another is not what is meant.
    this.#forms = [...this.#forms, ...forms].sort((a, b) => b.text.length - a.text.length);
    this.#marks = new Map(this.#forms.toReversed().map(({ text, mark }) => [text, mark]));
    this.#search = new ByteSearch(this.#forms.map(({ bytes }) => bytes));
    this.#pattern = new RegExp(
      this.#forms.map(({ text }) => text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join('|'),
      'g',
    );
  }

  /** A bound may have cut a secret in two before this could see it. */
  #withoutCutForm(part: string): string {
    for (const { text, mark, openCharacters } of this.#forms) {
      for (
        let length = Math.min(text.length - 1, part.length);
        length >= openCharacters + MIN_CUT_CHARACTERS;
        length--
      ) {
        if (part.endsWith(text.slice(0, length))) return `${part.slice(0, -length)}${mark}`;
      }
    }
    return part;
  }

  #cutOutsideForms(text: string, wanted: number): number {
    for (const found of text.matchAll(this.#pattern ?? /$^/g)) {
      if (found.index >= wanted) break;
      if (found.index + found[0].length > wanted) return found.index;
    }
    return wanted;
  }

  #redactedData(value: unknown): unknown {
    if (typeof value === 'string') return this.redact(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const items = value.map((item: unknown) => this.#redactedData(item));
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    const entries = Object.entries(value);
    const redacted = entries.map(([key, member]) => [this.redact(key), this.#redactedData(member)] as const);
    return redacted.some(([key, member], index) => key !== entries[index]![0] || member !== entries[index]![1])
      ? Object.fromEntries(redacted)
      : value;
  }

  #redactedError(error: unknown, depth: number): unknown {
    if (!(error instanceof Error)) return this.#redactedData(error);
    const stack = error.stack ?? '';
    const cause = error.cause === undefined || depth === 0 ? undefined : this.#redactedError(error.cause, depth - 1);
    const details = 'details' in error ? this.#redactedData(error.details) : undefined;
    const message = this.redact(error.message);
    const isClean =
      message === error.message &&
      this.redact(stack) === stack &&
      cause === error.cause &&
      (!('details' in error) || details === error.details);
    if (isClean) return error;
    const copy =
      error instanceof HoldfastError
        ? new HoldfastError(
            error.type,
            message,
            details as Readonly<Record<string, unknown>>,
            cause === undefined ? {} : { cause },
          )
        : Object.assign(
            Object.create(Object.getPrototypeOf(error) as object) as Error,
            error,
            details === undefined ? {} : { details },
          );
    for (const [key, value] of [
      ['message', message],
      ['stack', this.redact(stack)],
      ['cause', cause],
    ] as const) {
      if (value !== undefined)
        Object.defineProperty(copy, key, { value, writable: true, configurable: true, enumerable: false });
    }
    return copy;
  }
}

/**
 * A step's input with the secrets where the plan put them.
 * @param valueOf as `Secrets.value`
 * @throws HoldfastError what `valueOf` throws; `bad-input` for a place that is not there
 */
export function resolveSecrets(input: Json, places: readonly PlacedSecret[], valueOf: (name: string) => string): Json {
  return places.reduce<Json>(
    (value, { at, parts }) =>
      placed(value, at, parts.map((part) => (typeof part === 'string' ? part : valueOf(part.secret))).join('')),
    input,
  );
}

function placed(value: Json, at: readonly (string | number)[], text: string): Json {
  const [part, ...rest] = at;
  if (part === undefined) return text;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
    throw new HoldfastError('bad-input', `The input has no place ${canonicalJson([...at])} for a secret.`, {});
  if (Array.isArray(value)) return value.map((item: Json, index) => (index === part ? placed(item, rest, text) : item));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      key === part ? placed(member as Json, rest, text) : (member as Json),
    ]),
  );
}

/** A URL's password counts by itself unless it is short, a plain word or another part of the URL; within the URL it always does. */
function formsOfUrl(name: string, url: string): readonly Form[] {
  const parts = /^[A-Za-z][\w+.-]*:\/\/([^:@/?#]*):(.*)@([^@]*)$/s.exec(url);
  const parameters = [...url.matchAll(/[?&](?:ssl)?password=([^&#]*)/gi)].map(([, value]) => value!);
  const written = [...(parts === null ? [] : [parts[2]!]), ...parameters].filter((password) => password !== '');
  if (written.length === 0) return [];
  const others = [decoded(parts?.[1] ?? ''), ...(parts?.[3] ?? '').split(/[:/?#]/)];
  const byThemselves = [...new Set(written.flatMap((password) => [password, decoded(password)]))].filter(
    (password) =>
      password.length >= MIN_SECRET_CHARACTERS && !/^[a-z]{8,11}$/.test(password) && !others.includes(password),
  );
  return [
    ...byThemselves.flatMap(formsOf).map((text) => formOf(name, text)),
    ...formsOf(url).map((text) => formOf(name, text, openCharactersOf(text, url, written[0]!))),
    ...(parts === null
      ? []
      : [{ ...formOf(name, `${parts[1]}:${parts[2]}@`, parts[1]!.length), mark: `${parts[1]}:${secretMark(name)}@` }]),
    ...parameters.map((value) => ({
      ...formOf(name, `password=${value}`, 'password'.length),
      mark: `password=${secretMark(name)}`,
    })),
  ];
}

/** In proportion: in base64 and the like it is longer. */
function openCharactersOf(form: string, url: string, password: string): number {
  return Math.ceil((url.indexOf(password) * form.length) / url.length);
}

function formOf(name: string, text: string, openCharacters = 0): Form {
  return { name, text, bytes: Buffer.from(text, 'utf8'), mark: secretMark(name), openCharacters };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
