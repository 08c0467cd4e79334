/** The list of hosts that a job may call. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { allowedUrl, hostOf, HostSchema, isHostAllowed } from '../../src/model/step/http-host.ts';

const isAllowed = (host: string, url: string): boolean => isHostAllowed([host], new URL(url));

test('a host is https on its usual port, unless the list says otherwise', () => {
  assert.ok(isAllowed('api.example.com', 'https://api.example.com/a?b#c'));
  assert.ok(isAllowed('API.Example.com', 'https://api.EXAMPLE.com:443/'));
  assert.ok(isAllowed('https://api.example.com/', 'https://api.example.com'));
  assert.ok(isAllowed('api.example.com:8443', 'https://api.example.com:8443/'));
  assert.ok(isAllowed('http://localhost:8080', 'http://localhost:8080/x'));
  assert.ok(isAllowed('http://localhost', 'http://localhost:80/x'));
  assert.ok(isAllowed('[::1]:8443', 'https://[::1]:8443/'));
  assert.ok(isAllowed('bücher.example', 'https://xn--bcher-kva.example/'));
  assert.ok(isAllowed('127.0.0.1', 'https://2130706433/'), 'a number is that address');
  for (const [host, url] of [
    ['api.example.com', 'http://api.example.com/'],
    ['api.example.com', 'https://api.example.com:8443/'],
    ['http://localhost:8080', 'https://localhost:8080/'],
    ['example.com', 'https://api.example.com/'],
    ['api.example.com', 'https://api.example.com.evil.test/'],
    ['api.example.com', 'https://evil.test/api.example.com'],
    ['api.example.com', 'https://api.example.com@evil.test/'],
    ['api.example.com', 'https://api.example.com./'],
  ] as const)
    assert.ok(!isAllowed(host, url), `${host} lets ${url} pass`);
});

test('a star stands for whatever is below a host, not for the host itself', () => {
  assert.ok(isAllowed('*.example.com', 'https://a.example.com/'));
  assert.ok(isAllowed('*.example.com', 'https://a.b.example.com/'));
  assert.ok(!isAllowed('*.example.com', 'https://example.com/'));
  assert.ok(!isAllowed('*.example.com', 'https://evilexample.com/'));
  assert.ok(!isAllowed('*.example.com', 'https://a.example.com.evil.test/'));
});

test('what names no host is refused in a list', () => {
  for (const text of [
    '',
    '*',
    '*.',
    'https://',
    'api.example.com/path',
    'user@api.example.com',
    'ftp://api.example.com',
    'a b',
    'api.example.com:port',
    'api.example.com:70000',
    'a*.example.com',
    '${{ input.host }}',
    'x?y',
    '[::1',
  ]) {
    assert.ok(!HostSchema.safeParse(text).success, text);
  }
  for (const text of ['api.example.com', '*.example.com', 'http://localhost:8080', 'https://a.b', '[::1]'])
    assert.ok(HostSchema.safeParse(text).success, text);
});

test('a URL that may not be called says why, and shows no password', () => {
  const messageOf = (url: string): string => {
    try {
      allowedUrl(['api.example.com'], url);
    } catch (error) {
      assert.ok(isFailure(error, 'bad-input', 'host-not-allowed'));
      assert.doesNotMatch(error.message, /hidden/);
      return error.message;
    }
    return '';
  };
  assert.equal(messageOf('https://api.example.com/x'), '');
  assert.match(
    messageOf('https://other.example.com/x?key=hidden'),
    /other\.example\.com is not on the list .*; it names api\.example\.com/,
  );
  assert.match(messageOf('https://ada:hidden@api.example.com/'), /holds a user name or a password/);
  assert.match(messageOf('gopher://ada:hidden@api.example.com/'), /is not a URL that can be called/);
  assert.match(messageOf('//api.example.com'), /is not a URL that can be called/);
  assert.equal(hostOf(new URL('http://localhost:80/')), 'http://localhost');
});
