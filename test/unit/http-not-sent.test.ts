/** Which failures of Node's `fetch` say that nothing was sent. */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { isNotSent } from '../../src/effects/http/not-sent.ts';

async function failureOf(url: string): Promise<unknown> {
  try {
    await fetch(url);
  } catch (error) {
    return error;
  }
  throw new Error(`${url} answered`);
}

async function aFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('nothing was sent where no address was found and no connection made, whichever addresses were tried', async () => {
  const port = await aFreePort();
  for (const host of ['127.0.0.1', 'localhost', 'name.invalid'])
    assert.equal(isNotSent(await failureOf(`http://${host}:${port}/`)), true, host);
  assert.equal(isNotSent(await failureOf('http://127.0.0.1:1/')), true, 'a port that fetch refuses');
});

test('a network that changes under an open connection does not say that nothing was sent', () => {
  for (const code of ['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ECONNREFUSED', 'ETIMEDOUT'])
    for (const syscall of ['read', 'write']) {
      const cause = Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
      assert.equal(isNotSent(new TypeError('fetch failed', { cause })), false, cause.message);
      const tried = Object.assign(new AggregateError([cause]), { code });
      assert.equal(isNotSent(new TypeError('fetch failed', { cause: tried })), false, `one of several: ${code}`);
    }
});

test('a connection that is cut without a call of the system named is in doubt', () => {
  for (const code of ['ECONNRESET', 'EHOSTUNREACH', 'UND_ERR_SOCKET'])
    assert.equal(isNotSent(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) })), false);
});
