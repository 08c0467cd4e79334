/** A secret and a password that are planted, and the search for each form of them in what is stored or printed. */
import assert from 'node:assert/strict';

/** With what each way of writing has to escape. */
export const TOKEN = 'tök/en+"42"&=%';
export const PASSWORD = 'pa55/wörd+x';
export const DATABASE_URL = `postgres://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:1/none`;

/** A header is bytes, so the secret has only characters that a header can hold. */
export function asHeader(token: string): string {
  return token.replace('ö', 'o');
}

export const USED = asHeader(TOKEN);

/** A second implementation, independent of the code under test. */
function formsOf(value: string): ReadonlyMap<string, string> {
  const base64 = [0, 1, 2].flatMap((before) => {
    const around = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from(value), Buffer.alloc(5, 'y')]).toString(
      'base64',
    );
    const core = around.slice(before === 0 ? 0 : before + 1, Math.floor(((before + Buffer.byteLength(value)) * 4) / 3));
    return [
      [`base64 at ${before}`, core],
      [`base64url at ${before}`, core.replaceAll('+', '-').replaceAll('/', '_')],
    ] as const;
  });
  return new Map([
    ['plain', value],
    ['JSON', JSON.stringify(value).slice(1, -1)],
    ['URL', encodeURIComponent(value)],
    ['form', new URLSearchParams([['', value]]).toString().slice(1)],
    ['hex', Buffer.from(value).toString('hex')],
    ...base64,
  ]);
}

const PLANTED = [
  ...[USED, PASSWORD, DATABASE_URL].flatMap((value) =>
    [...formsOf(value)].map(([form, text]) => ({ form, text, value })),
  ),
  { form: 'its first half', text: USED.slice(0, 8), value: USED },
];

export function mustNotHold(where: string, content: string | Uint8Array): void {
  const bytes = Buffer.from(content);
  for (const { form, text, value } of PLANTED) {
    const at = bytes.indexOf(text);
    assert.ok(
      at < 0,
      `${where} holds ${value} as ${form}: ` +
        `…${bytes.subarray(Math.max(0, at - 80), at + text.length + 40).toString()}…`,
    );
  }
}

export function lookInto(where: string, value: unknown): void {
  if (typeof value === 'string' || value instanceof Uint8Array) mustNotHold(where, value);
  else if (typeof value === 'object' && value !== null)
    for (const member of Object.values(value)) lookInto(where, member);
}
