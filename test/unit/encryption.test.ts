import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure, defaultPayloadConverter, type Payload } from '@temporalio/common';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/index.js';
import fc from 'fast-check';
import { clientDataConverter, workerDataConverter } from '../../src/codec/data-converter.ts';
import { EncryptionCodec } from '../../src/codec/encryption-codec.ts';
import { EncryptionKeys, parseKeys } from '../../src/codec/keys.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const OTHER_KEY = Buffer.alloc(32, 9).toString('base64');
const text = (value: string): Uint8Array => Buffer.from(value);

function codec(keys: string): EncryptionCodec {
  return new EncryptionCodec(new EncryptionKeys(keys === '' ? [] : parseKeys(keys, 'test'), 'test'));
}

/** The payload as a plain value, without protobuf classes. */
function plain({ metadata, data }: Payload): unknown {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('hex')]),
    ),
    data: Buffer.from(data ?? []).toString('hex'),
  };
}

async function one(payloads: Promise<Payload[]>): Promise<Payload> {
  const [payload] = await payloads;
  assert.ok(payload);
  return payload;
}

async function refused(type: FailureType, work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail('it was taken'),
    (reason: unknown) => reason,
  );
  assert.ok(isFailure(error, type), String(error));
  assert.ok(!`${error.message}${JSON.stringify(error.details)}`.includes(KEY));
  return error.message;
}

const anyPayload: fc.Arbitrary<Payload> = fc.record({
  metadata: fc
    .dictionary(
      fc
        .string({ minLength: 1 })
        .filter((name) => !name.startsWith('encryption-') && name !== '__proto__' && name !== 'encoding'),
      fc.uint8Array(),
    )
    .chain((rest) =>
      fc
        .constantFrom('json/plain', 'binary/null', 'binary/plain')
        .map((encoding) => ({ ...rest, encoding: text(encoding) })),
    ),
  data: fc.uint8Array({ maxLength: 5_000 }),
});

test('property: what is encrypted decrypts to the same payload, and shows neither data nor metadata', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyPayload, { maxLength: 5 }), async (payloads) => {
      const both = codec(`a:${KEY}`);
      const encrypted = await both.encode(payloads);
      assert.deepEqual((await both.decode(encrypted)).map(plain), payloads.map(plain));
      for (const [index, { metadata, data }] of encrypted.entries()) {
        assert.deepEqual(Object.keys(metadata!).toSorted(), ['encoding', 'encryption-format', 'encryption-key-id']);
        const content = Buffer.from(payloads[index]!.data!);
        if (content.byteLength >= 8) assert.equal(Buffer.from(data!).includes(content), false);
      }
    }),
  );
});

test('the same payload looks different each time', async () => {
  const payload = defaultPayloadConverter.toPayload('same');
  const seen = (await codec(`a:${KEY}`).encode(Array.from({ length: 1_000 }, () => payload))).map(({ data }) =>
    Buffer.from(data!).subarray(0, 12).toString('hex'),
  );
  assert.equal(new Set(seen).size, 1_000);
});

test('property: a payload of which anything was changed is never decrypted to something', async () => {
  const both = codec(`a:${KEY},b:${OTHER_KEY}`);
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (data, at, by) => {
        const encrypted = await one(both.encode([{ metadata: { encoding: text('binary/plain') }, data }]));
        const changed = Buffer.from(encrypted.data!);
        changed[at % changed.byteLength]! ^= by;
        assert.match(await refused('wrong-key', both.decode([{ ...encrypted, data: changed }])), /cannot be decrypted/);
        await refused(
          'wrong-key',
          both.decode([{ ...encrypted, data: encrypted.data!.subarray(0, at % encrypted.data!.byteLength) }]),
        );
      },
    ),
  );
});

test('each field of an encrypted payload is bound to the others', async () => {
  const both = codec(`a:${KEY},b:${OTHER_KEY},same:${KEY}`);
  const encrypted = await one(both.encode([defaultPayloadConverter.toPayload({ secret: 1 })]));
  const changed = (field: string, value: string | undefined): Promise<Payload[]> => {
    const metadata = { ...encrypted.metadata };
    if (value === undefined) delete metadata[field];
    else metadata[field] = text(value);
    return both.decode([{ ...encrypted, metadata }]);
  };
  assert.match(
    await refused('wrong-key', changed('encryption-key-id', 'b')),
    /under the encryption key "b" cannot be decrypted/,
  );
  // The key id itself is authenticated, not only the key that it names.
  assert.match(await refused('wrong-key', changed('encryption-key-id', 'same')), /cannot be decrypted/);
  assert.match(await refused('wrong-key', changed('encryption-key-id', undefined)), /does not name its key/);
  assert.match(
    await refused('missing-key', changed('encryption-key-id', 'c')),
    /the key "c", which is missing: the keys given here are a, b, same \(from test\)/,
  );
  assert.match(
    await refused('wrong-key', changed('encryption-format', 'holdfast/2')),
    /has the format "holdfast\/2"; this version of Holdfast reads holdfast\/1/,
  );
  assert.match(await refused('wrong-key', changed('encryption-format', undefined)), /another program encrypted it/);
  // What is encrypted can't be passed off as plain bytes.
  assert.match(
    await refused('wrong-key', both.decode([{ ...encrypted, metadata: { encoding: text('binary/encrypted') } }])),
    /another program/,
  );
  assert.deepEqual(
    (await both.decode([encrypted])).map((payload) => defaultPayloadConverter.fromPayload(payload)),
    [{ secret: 1 }],
  );
  assert.deepEqual(
    (await changed('encoding', 'binary/plain')).map((payload) => defaultPayloadConverter.fromPayload(payload)),
    [{ secret: 1 }],
  );
});

test('rotation: the first key encrypts, all decrypt, one that is gone is named', async () => {
  const value = defaultPayloadConverter.toPayload('kept');
  const before = await one(codec(`old:${KEY}`).encode([value]));
  const during = codec(`new:${OTHER_KEY}\nold:${KEY}`);
  assert.equal(defaultPayloadConverter.fromPayload(await one(during.decode([before]))), 'kept');
  const fresh = await one(during.encode([value]));
  assert.equal(Buffer.from(fresh.metadata!['encryption-key-id']!).toString(), 'new');
  assert.match(
    await refused('missing-key', codec(`new:${OTHER_KEY}`).decode([before])),
    /the key "old", which is missing: the keys given here are new/,
  );
  assert.match(
    await refused('missing-key', codec('').decode([fresh])),
    new RegExp(
      'the key "new", which is missing: no key is given here ' +
        String.raw`\(HOLDFAST_ENCRYPTION_KEYS and HOLDFAST_ENCRYPTION_KEY_FILE are not set\)`,
    ),
  );
  assert.match(
    await refused('wrong-key', codec(`old:${OTHER_KEY}`).decode([before])),
    /the key that is given here under this id is another one, or the payload was changed/,
  );
});

test('what was never encrypted passes through; without keys nothing is encrypted', async () => {
  const payload = defaultPayloadConverter.toPayload('from before');
  assert.deepEqual(await codec(`a:${KEY}`).decode([payload]), [payload]);
  assert.deepEqual(await codec('').encode([payload]), [payload]);
  assert.deepEqual(await codec('').decode([payload]), [payload]);
});

/** As version 0.1 wrote it. A format that can't read it any more needs another name. */
const WRITTEN_BY_0_1 = {
  metadata: {
    encoding: text('binary/encrypted'),
    'encryption-format': text('holdfast/1'),
    'encryption-key-id': text('a'),
  },
  data: Buffer.from(
    'GMVB9iBiKxaDKP7+RZmbWjN3legt3n4L3mQtGAMWSq1ipl1ZHO1cxhT2QfUc6Vy5S4X9um2SfnCX9fwh8owYD/w5Y201PA==',
    'base64',
  ),
};

test('a payload that an earlier version encrypted is still read', async () => {
  assert.equal(
    defaultPayloadConverter.fromPayload(await one(codec(`a:${KEY}`).decode([WRITTEN_BY_0_1]))),
    'written by 0.1',
  );
});

test('with encryption on, messages and stacks of failures and causes are payloads, however often converted', () => {
  const on = loadDataConverter(clientDataConverter(new EncryptionKeys(parseKeys(`a:${KEY}`, 'test'), 'test')));
  const error = ApplicationFailure.create({
    message: 'planted outside',
    type: 'step-failed',
    cause: new Error('planted inside'),
  });
  const failure = on.failureConverter.errorToFailure(error, on.payloadConverter);
  for (const { message, stackTrace, encodedAttributes } of [failure, failure.cause!]) {
    assert.deepEqual([message, stackTrace], ['Encoded failure', '']);
    assert.match(Buffer.from(encodedAttributes!.data!).toString(), /planted/);
  }
  const back = on.failureConverter.failureToError(failure, on.payloadConverter);
  assert.deepEqual([back.message, (back.cause as Error).message], ['planted outside', 'planted inside']);
  for (let count = 0; count < 2; count++) {
    const again = on.failureConverter.errorToFailure(back, on.payloadConverter);
    assert.match(Buffer.from(again.encodedAttributes!.data!).toString(), /planted outside/);
  }
  const off = loadDataConverter(clientDataConverter(new EncryptionKeys()));
  assert.equal(off.failureConverter.errorToFailure(error, off.payloadConverter).message, 'planted outside');
});

test('a worker’s failure about a key is tried again, has its type and stays readable', async () => {
  const encrypted = await one(codec(`a:${KEY}`).encode([defaultPayloadConverter.toPayload(1)]));
  const worker = loadDataConverter(
    workerDataConverter(new EncryptionKeys(parseKeys(`b:${OTHER_KEY}`, 'test'), 'test')),
  );
  const error = await worker.payloadCodecs[0]!.decode([encrypted]).catch((reason: unknown) => reason);
  assert.ok(error instanceof ApplicationFailure);
  assert.deepEqual([error.type, error.nonRetryable, error.details ?? []], ['missing-key', false, []]);
  const failure = worker.failureConverter.errorToFailure(error, worker.payloadConverter);
  assert.match(
    failure.message!,
    /the key "a", which is missing: the keys given here are b .* Give this process the key/,
  );
});
