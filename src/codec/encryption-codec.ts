/**
 * Payloads as Temporal stores them: AES-256-GCM over the whole payload, its metadata included.
 *
 * Invariants
 * 1. What is encrypted here carries `encoding: binary/encrypted`, as in Temporal's samples, the format and the key's
 *    id;
 *    the authentication tag covers format and id besides the content. Anything of it changed is an error, never a
 * value.
 * 2. Each payload has a nonce of its own, 96 random bits.
 * 3. What was never encrypted passes through: histories from before, and messages sent by Temporal's own tools.
 * 4. Without keys nothing is encrypted, and what is encrypted is an error that names the key.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import protos from '@temporalio/proto';
import { HoldfastError } from '../model/failure.ts';
import { cutAt } from '../model/shown-value.ts';
import { KEY_FILE_VARIABLE, KEYS_VARIABLE, type EncryptionKey, type EncryptionKeys } from './keys.ts';

export const ENCRYPTED_ENCODING = 'binary/encrypted';
/** Nonce, ciphertext, tag: `data` of the first version. A change of it is a new version. */
const FORMAT = 'holdfast/1';
const FORMAT_FIELD = 'encryption-format';
const KEY_ID_FIELD = 'encryption-key-id';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** An id in a message is what somebody wrote there. */
const MAX_SHOWN = 64;

const WITHOUT_FORMAT = 'says not in which format: another program encrypted it, or it was changed';
const WITHOUT_KEY_ID = 'does not name its key';

const { Payload: PayloadMessage } = protos.temporal.api.common.v1;

export class EncryptionCodec implements PayloadCodec {
  readonly #keys: EncryptionKeys;

  constructor(keys: EncryptionKeys) {
    this.#keys = keys;
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    const key = this.#keys.first;
    return await Promise.resolve(key === undefined ? payloads : payloads.map((payload) => encrypt(payload, key)));
  }

  /** @throws HoldfastError `missing-key`, `wrong-key` */
  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => (isEncrypted(payload) ? this.#decrypt(payload) : payload));
  }

  #decrypt(payload: Payload): Payload {
    const format = field(payload, FORMAT_FIELD);
    const id = field(payload, KEY_ID_FIELD);
    if (format !== FORMAT)
      throw damaged(
        format === undefined
          ? WITHOUT_FORMAT
          : `has the format ${shown(format)}; this version of Holdfast reads ${FORMAT}`,
        id,
      );
    if (id === undefined) throw damaged(WITHOUT_KEY_ID, id);
    const key = this.#keys.find(id);
    if (key === undefined) throw missing(id, this.#keys);
    const data = payload.data ?? new Uint8Array();
    if (data.byteLength < NONCE_BYTES + TAG_BYTES) throw damaged(`has only ${data.byteLength} bytes`, id);
    return PayloadMessage.decode(decrypt(data, key));
  }
}

/** Also what says to be so in part: it has been changed, and must not pass for plain. */
export function isEncrypted(payload: Payload): boolean {
  return (
    field(payload, 'encoding') === ENCRYPTED_ENCODING ||
    field(payload, FORMAT_FIELD) !== undefined ||
    field(payload, KEY_ID_FIELD) !== undefined
  );
}

/** Why no key will ever read it: another program encrypted it, or it was changed. Undefined: a key may. */
export function whyForeign(payload: Payload): string | undefined {
  if (!isEncrypted(payload)) return undefined;
  const id = field(payload, KEY_ID_FIELD);
  if (field(payload, FORMAT_FIELD) === undefined) return damaged(WITHOUT_FORMAT, id).message;
  return id === undefined ? damaged(WITHOUT_KEY_ID, id).message : undefined;
}

function encrypt(payload: Payload, { id, secret }: EncryptionKey): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, secret, nonce, { authTagLength: TAG_BYTES }).setAAD(boundTo(id));
  const data = Buffer.concat([
    nonce,
    cipher.update(PayloadMessage.encode(payload).finish()),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  return {
    metadata: { encoding: bytes(ENCRYPTED_ENCODING), [FORMAT_FIELD]: bytes(FORMAT), [KEY_ID_FIELD]: bytes(id) },
    data,
  };
}

function decrypt(data: Uint8Array, { id, secret }: EncryptionKey): Uint8Array {
  const tagAt = data.byteLength - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, secret, data.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(boundTo(id))
    .setAuthTag(data.subarray(tagAt));
  try {
    return Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, tagAt)), decipher.final()]);
  } catch (cause) {
    throw new HoldfastError(
      'wrong-key',
      `A payload under the encryption key "${id}" cannot be decrypted: the key that is given here under this id ` +
        'is another one, or the payload was changed.',
      { keyId: id },
      { cause },
    );
  }
}

function boundTo(id: string): Uint8Array {
  return bytes(`${FORMAT}\0${id}`);
}

function missing(id: string, keys: EncryptionKeys): HoldfastError {
  const given = keys.isOn
    ? `the keys given here are ${keys.ids.join(', ')} (from ${keys.source})`
    : `no key is given here (${KEYS_VARIABLE} and ${KEY_FILE_VARIABLE} are not set)`;
  return new HoldfastError(
    'missing-key',
    `A payload is encrypted under the key ${shown(id)}, which is missing: ${given}.`,
    { keyId: id, given: keys.ids },
  );
}

function damaged(what: string, id: string | undefined): HoldfastError {
  return new HoldfastError(
    'wrong-key',
    `An encrypted payload${id === undefined ? '' : ` under the key ${shown(id)}`} ${what}.`,
    { keyId: id ?? null },
  );
}

function field({ metadata }: Payload, name: string): string | undefined {
  const value = metadata?.[name];
  return value == null ? undefined : Buffer.from(value).toString('utf8');
}

function shown(text: string): string {
  return JSON.stringify(cutAt(text, MAX_SHOWN));
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}
