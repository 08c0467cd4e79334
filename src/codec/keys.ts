/**
 * The keys that payloads are encrypted with: from a file or from the environment, several of them. The first encrypts,
 * all decrypt, so that a key can be changed while histories under the old one are still read.
 *
 * Invariants
 * 1. What is set and can't be used is an error, also when it is empty: nothing is sent in the clear by mistake.
 * 2. No message, no inspection and no JSON of what is here shows a key.
 * 3. A key file that others may read is refused.
 */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../model/failure.ts';
import { quotedWord } from '../model/shell-word.ts';

export const KEYS_VARIABLE = 'HOLDFAST_ENCRYPTION_KEYS';
export const KEY_FILE_VARIABLE = 'HOLDFAST_ENCRYPTION_KEY_FILE';

const KEY_BYTES = 32;
const MAX_FILE_BYTES = 64 * 1024;
const MAX_KEYS = 100;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const OTHERS = 0o077;

export interface EncryptionKey {
  readonly id: string;
  readonly secret: KeyObject;
}

export interface EncryptionChoice {
  /**
   * Relative to the working directory. Default: HOLDFAST_ENCRYPTION_KEY_FILE, else the keys of
   * HOLDFAST_ENCRYPTION_KEYS.
   */
  readonly encryptionKeyFile?: string;
  /** Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** All keys of a process. Without any, encryption is off. */
export class EncryptionKeys {
  /** Where they come from, for a person. Empty: encryption is off. */
  readonly source: string;
  readonly #keys: ReadonlyMap<string, EncryptionKey>;

  constructor(keys: readonly EncryptionKey[] = [], source = '') {
    this.#keys = new Map(keys.map((key) => [key.id, key]));
    this.source = source;
  }

  /** What is sent is encrypted under this one; undefined: encryption is off. */
  get first(): EncryptionKey | undefined {
    return this.#keys.values().next().value;
  }

  /** In their order: the first encrypts. */
  get ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  get isOn(): boolean {
    return this.#keys.size > 0;
  }

  find(id: string): EncryptionKey | undefined {
    return this.#keys.get(id);
  }
}

/**
 * The keys that an option, a file or the environment gives; none when nothing is set.
 * @throws HoldfastError `bad-input` that names the place and what to type
 */
export function readKeys({ encryptionKeyFile, env = process.env }: EncryptionChoice = {}): EncryptionKeys {
  if (encryptionKeyFile !== undefined) return fromFile(encryptionKeyFile, '--encryption-key-file');
  const file = env[KEY_FILE_VARIABLE];
  const keys = env[KEYS_VARIABLE];
  if (file !== undefined && keys !== undefined) {
    throw new HoldfastError(
      'bad-input',
      `${KEYS_VARIABLE} and ${KEY_FILE_VARIABLE} are both set; only one of them can say what the keys are.`,
      { nextStep: `Unset one: unset ${KEYS_VARIABLE}` },
    );
  }
  if (file !== undefined) return fromFile(file, KEY_FILE_VARIABLE);
  return keys === undefined ? new EncryptionKeys() : new EncryptionKeys(parseKeys(keys, KEYS_VARIABLE), KEYS_VARIABLE);
}

/**
 * Lines `id:base64`, or several in one line with commas between; `#` begins a comment. @throws HoldfastError
 * `bad-input`
 */
export function parseKeys(text: string, source: string): readonly EncryptionKey[] {
  const keys: EncryptionKey[] = [];
  const places = new Map<string, number>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    for (const entry of line
      .replace(/#.*/, '')
      .split(',')
      .map((part) => part.trim())) {
      if (entry === '') continue;
      const key = parseKey(entry, `${source}, line ${index + 1}`);
      const earlier = places.get(key.id);
      if (earlier !== undefined)
        throw unusable(
          `${source}: two keys have the id "${key.id}", in line ${earlier} and line ${index + 1}. Each key needs ` +
            'an id of its own.',
        );
      places.set(key.id, index + 1);
      keys.push(key);
    }
  }
  if (keys.length === 0)
    throw new HoldfastError('bad-input', `${source} is set and holds no key.`, {
      nextStep: 'Put a key there (`holdfast keys new` prints one), or unset it to go without encryption.',
    });
  if (keys.length > MAX_KEYS) throw unusable(`${source} holds ${keys.length} keys. Expected at most ${MAX_KEYS}.`);
  return keys;
}

/** A fresh key as the line that `parseKeys` reads. @throws HoldfastError `bad-input` for an id that can't be one */
export function newKeyLine(id: string): string {
  if (!ID.test(id)) throw unusable(`"${id}" can't be the id of a key. ${ID_EXPECTED}`);
  return `${id}:${randomBytes(KEY_BYTES).toString('base64')}`;
}

const ID_EXPECTED = 'Expected up to 64 letters, digits, dots, dashes and underscores, a letter or digit first.';

/** What stands where an id belongs may be the key itself, so that it is never shown. */
function parseKey(entry: string, place: string): EncryptionKey {
  const colon = entry.indexOf(':');
  if (colon < 0) throw unusable(`${place}: there is no colon. Expected ID:KEY, the key being 32 bytes in base64.`);
  const id = entry.slice(0, colon).trim();
  const text = entry.slice(colon + 1).trim();
  if (!ID.test(id)) throw unusable(`${place}: what stands before the colon can't be the id of a key. ${ID_EXPECTED}`);
  const bytes = Buffer.from(text, 'base64');
  if (!BASE64.test(text) || bytes.toString('base64') !== text)
    throw unusable(
      `${place}: what stands after the colon is not base64. Expected 32 bytes in base64, which are 44 characters.`,
    );
  if (bytes.byteLength !== KEY_BYTES)
    throw unusable(`${place}: the key has ${bytes.byteLength} bytes. Expected ${KEY_BYTES}, for AES-256.`);
  return { id, secret: createSecretKey(bytes) };
}

function unusable(message: string): HoldfastError {
  return new HoldfastError('bad-input', message, {
    nextStep: 'Correct the keys; `holdfast keys new` prints a line as it has to be.',
  });
}

function fromFile(given: string, by: string): EncryptionKeys {
  if (given === '')
    throw new HoldfastError('bad-input', `${by} is set and names no file.`, {
      nextStep: 'Name the key file, or unset it to go without encryption.',
    });
  const file = path.resolve(given);
  const text = readKeyFile(file, by);
  return new EncryptionKeys(parseKeys(text, file), file);
}

function readKeyFile(file: string, by: string): string {
  try {
    const { mode, size } = regularFile(file, by);
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
      throw new HoldfastError(
        'bad-input',
        `Others than its owner may use the key file ${file} (mode ${(mode & 0o777).toString(8).padStart(4, '0')}).`,
        { file, nextStep: `chmod 600 ${quoted(file)}` },
      );
    }
    if (size > MAX_FILE_BYTES)
      throw new HoldfastError(
        'bad-input',
        `${file}, which ${by} names, has ${size} bytes. Expected a key file, of at most ${MAX_FILE_BYTES}.`,
        { file },
      );
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'There is no' : 'This process cannot read the';
    throw new HoldfastError(
      'bad-input',
      `${what} key file ${file}, which ${by} names${code === 'ENOENT' ? '' : ` (${code ?? String(cause)})`}.`,
      { file, nextStep: 'Correct the path or the permissions; `holdfast keys new` prints a line for a new file.' },
      { cause },
    );
  }
}

function regularFile(file: string, by: string): { readonly mode: number; readonly size: number } {
  const found = statSync(file);
  if (!found.isFile()) throw new HoldfastError('bad-input', `${file}, which ${by} names, is not a file.`, { file });
  return found;
}

function quoted(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : quotedWord(file);
}
