import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { MAX_BODY_BYTES, startCodecServer, type CodecServer } from '../../src/codec/codec-server.ts';
import { EncryptionCodec } from '../../src/codec/encryption-codec.ts';
import { EncryptionKeys, parseKeys } from '../../src/codec/keys.ts';
import { isFailure } from '../../src/model/failure.ts';
import { cli } from '../support/cli-terminal.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const keys = new EncryptionKeys(parseKeys(`a:${KEY}`, 'test'), 'test');
const UI = 'http://localhost:8233';
const TOKEN = 'a token';
let server: CodecServer;
let guarded: CodecServer;

before(async () => {
  server = await startCodecServer({ keys, port: 0, uiUrls: [UI] });
  guarded = await startCodecServer({
    keys,
    port: 0,
    uiUrls: ['https://temporal.example.com/namespaces'],
    token: TOKEN,
  });
});

after(async () => {
  await server.close();
  await guarded.close();
});

interface JsonPayload {
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: string;
}

function asJson({ metadata, data }: Payload): JsonPayload {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata!).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
    ),
    data: Buffer.from(data!).toString('base64'),
  };
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly at?: CodecServer;
}

async function ask(
  path: string,
  body: unknown,
  { method = 'POST', headers = {}, at = server }: Asked = {},
): Promise<{ status: number; headers: Headers; json: { payloads?: JsonPayload[]; message?: string; type?: string } }> {
  const response = await fetch(`${at.url}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    ...(method === 'POST' ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === '' ? {} : (JSON.parse(text) as object) };
}

const payload = defaultPayloadConverter.toPayload({ who: 'Ada' });

test('encode and decode are each other’s opposite, and what workers encrypted is decoded', async () => {
  const encoded = await ask('/encode', { payloads: [asJson(payload)] }, { headers: { 'X-Namespace': 'default' } });
  assert.equal(encoded.status, 200);
  assert.equal(Buffer.from(encoded.json.payloads![0]!.metadata['encoding']!, 'base64').toString(), 'binary/encrypted');
  assert.deepEqual((await ask('/decode', { payloads: encoded.json.payloads })).json.payloads, [asJson(payload)]);
  const [ofWorker] = await new EncryptionCodec(keys).encode([payload]);
  assert.deepEqual((await ask('/decode', { payloads: [asJson(ofWorker!), asJson(payload)] })).json.payloads, [
    asJson(payload),
    asJson(payload),
  ]);
});

test('nothing to do is no failure: Temporal’s command line sends empty objects', async () => {
  for (const body of [{}, { payloads: [] }, { payloads: null }])
    assert.deepEqual((await ask('/encode', body)).json, { payloads: [] });
  assert.deepEqual((await ask('/decode', { payloads: [{}] })).json, { payloads: [{ metadata: {}, data: '' }] });
});

test('a payload that cannot be decrypted refuses the whole request, with the key’s id', async () => {
  const [foreign] = await new EncryptionCodec(new EncryptionKeys(parseKeys(`b:${KEY}`, 'test'), 'test')).encode([
    payload,
  ]);
  const answer = await ask('/decode', { payloads: [asJson(payload), asJson(foreign!)] });
  assert.deepEqual([answer.status, answer.json.type, answer.json.payloads], [400, 'missing-key', undefined]);
  assert.match(answer.json.message!, /under the key "b", which is missing/);
  assert.ok(!answer.json.message!.includes(KEY));
});

test('wrong paths, methods and bodies are refused with what is expected', async () => {
  assert.deepEqual((({ status, json }) => [status, json.message])(await ask('/', {})), [
    404,
    'There is nothing at /. Expected POST to /decode or /encode.',
  ]);
  const get = await ask('/decode', undefined, { method: 'GET' });
  assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST, OPTIONS']);
  for (const body of [
    '',
    'no JSON',
    '[]',
    '{"payloads": 1}',
    '{"payloads": [{"data": "not base64!"}]}',
    '{"payloads": [{"metadata": {"a": 1}}]}',
  ]) {
    const answer = await ask('/decode', body);
    assert.equal(answer.status, 400, body);
    assert.match(answer.json.message!, /Expected \{"payloads": \[/, body);
  }
});

test('a request that is too large is refused, said or not said beforehand', async () => {
  const large = 'x'.repeat(MAX_BODY_BYTES + 1);
  const said = await ask('/decode', large).catch((error: unknown) => error as Error);
  // The connection is closed while the client still sends: it may see the answer or the closing.
  if (!(said instanceof Error)) assert.equal(said.status, 413);
  const { port } = new URL(server.url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1');
    let received = '';
    socket
      .on('data', (chunk) => (received += String(chunk)))
      .on('close', () => resolve(received))
      .on('error', () => (received === '' ? reject(new Error('no answer')) : resolve(received)));
    socket.write('POST /decode HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `${(1 << 20).toString(16)}\r\n${'x'.repeat(1 << 20)}\r\n`;
    for (let count = 0; count < 9; count++) socket.write(chunk);
  });
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.equal((await ask('/encode', {})).status, 200);
});

test('the UI’s pages may ask, in every spelling of this machine; no other page is answered', async () => {
  for (const origin of [UI, 'http://127.0.0.1:8233', 'http://[::1]:8233']) {
    const preflight = await ask('/decode', undefined, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type,x-namespace',
        'Access-Control-Request-Private-Network': 'true',
      },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), origin);
    assert.match(preflight.headers.get('access-control-allow-headers')!, /Content-Type, X-Namespace/i);
    assert.match(preflight.headers.get('access-control-allow-methods')!, /POST/);
    assert.equal(preflight.headers.get('access-control-allow-private-network'), 'true');
    assert.equal(
      (await ask('/encode', {}, { headers: { Origin: origin } })).headers.get('access-control-allow-origin'),
      origin,
    );
  }
  for (const origin of ['http://localhost:8234', 'http://evil.example', 'https://localhost:8233', 'null', server.url]) {
    for (const method of ['OPTIONS', 'POST']) {
      const refused = await ask('/decode', { payloads: [] }, { method, headers: { Origin: origin } });
      assert.deepEqual(
        [refused.status, refused.headers.get('access-control-allow-origin'), refused.json.payloads],
        [403, null, undefined],
        `${method} ${origin}`,
      );
    }
  }
});

test('with a token nothing but a preflight is answered without it', async () => {
  const headers = { Origin: 'https://temporal.example.com' };
  assert.equal((await ask('/decode', undefined, { at: guarded, method: 'OPTIONS', headers })).status, 204);
  for (const authorization of [undefined, 'Bearer wrong', TOKEN, 'Basic YTpi', 'Bearer ']) {
    const refused = await ask(
      '/decode',
      {},
      { at: guarded, headers: authorization === undefined ? headers : { ...headers, Authorization: authorization } },
    );
    assert.deepEqual([refused.status, refused.headers.get('www-authenticate')], [401, 'Bearer'], authorization);
  }
  assert.equal(
    (await ask('/decode', {}, { at: guarded, headers: { ...headers, Authorization: `Bearer ${TOKEN}` } })).status,
    200,
  );
});

test('it listens on this machine only', async () => {
  const { port } = new URL(server.url);
  const others = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal);
  for (const { address } of others)
    await assert.rejects(fetch(`http://${address}:${port}/encode`, { method: 'POST', body: '{}' }));
  assert.equal(new URL(server.url).hostname, '127.0.0.1');
});

test('a port that is taken, an address that is none and a token that is not set are refused', async () => {
  const taken = await startCodecServer({ keys, port: Number(new URL(server.url).port), uiUrls: [UI] }).catch(
    (error: unknown) => error,
  );
  assert.ok(isFailure(taken, 'bad-input'));
  assert.match(taken.message, /is taken by another program/);
  for (const url of ['localhost:8233', 'ftp://x', 'nothing'])
    assert.ok(
      isFailure(await startCodecServer({ keys, port: 0, uiUrls: [url] }).catch((error: unknown) => error), 'bad-input'),
      url,
    );
  for (const env of [{}, { NO_TOKEN: '' }]) {
    const ran = await cli(['codec-server', '--port', '0', '--token-env', 'NO_TOKEN'], {
      env: { HOLDFAST_ENCRYPTION_KEYS: `a:${KEY}`, ...env },
    });
    assert.deepEqual([ran.code, ran.out], [2, '']);
    assert.match(ran.err, /The environment variable NO_TOKEN, which --token-env names, is (not set|empty)\./);
  }
});

test('the command says where it listens, for whom and with which keys, and ends by Ctrl-C', async () => {
  const ran = await cli(
    ['codec-server', '--port', '0', '--json', '--ui', 'http://localhost:1', '--ui', 'http://localhost:2'],
    { env: { HOLDFAST_ENCRYPTION_KEYS: `a:${KEY}` }, interrupt: AbortSignal.abort() },
  );
  assert.equal(ran.code, 0, ran.err);
  const { url, ...rest } = ran.json<{ url: string }>();
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.deepEqual(rest, { uiUrls: ['http://localhost:1', 'http://localhost:2'], keyIds: ['a'], needsToken: false });
  await assert.rejects(fetch(`${url}/encode`, { method: 'POST', body: '{}' }));
});
