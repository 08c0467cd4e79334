/** `ctx.http`, without a Temporal server: what follows from what an endpoint answers, and where redirects lead. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { QuestionAsked } from '../../src/testing.ts';
import { CountingServer } from '../support/counting-server.ts';
import { readLedger } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';
import { failureOf, SECRET, stuckFrom, testRequestingJob } from '../support/requesting-job.ts';

const requesting = testRequestingJob();

let server: CountingServer;

test('what did not happen within a call says nothing of the call: it is in doubt', async () => {
  for (const inDoubt of ['ask', 'repeat'] as const) {
    requesting.code = async (ctx) =>
      await ctx
        .perform('pay', {
          inDoubt,
          run: async ({ key }) => {
            await fetch(requesting.server.url, { method: 'POST', headers: { 'idempotency-key': key }, body: '7' });
            return (await ctx.http('receipt', { url: `${requesting.server.url}/receipt` })).text;
          },
        })
        .catch((error: unknown) => {
          if (inDoubt === 'ask') throw error;
          return 'went on';
        });
    requesting.server.next('normal', 'refused');
    const ended = await requesting.call(inDoubt, { maxAttempts: 5 }).catch((error: unknown) => error);
    if (inDoubt === 'ask')
      assert.ok(ended instanceof QuestionAsked && ended.question.kind === 'in-doubt', String(ended));
    else assert.ok(isFailure(ended, 'step-failed') && /says nothing of/.test(ended.message), String(ended));
    assert.equal(
      readLedger(
        requesting.job.workspace,
        (ledger) => ledger.performsInForce(requesting.job.jobId, inDoubt).find(({ name }) => name === 'pay')?.state,
      ),
      'about',
    );
  }
  assert.equal(requesting.server.effects(), 2);
});

test('429, and 503 with Retry-After, did nothing: the failure gives the next try, in seconds or by date', async () => {
  const inTwoSeconds = new Date(Date.now() + 120_000).toUTCString();
  for (const [index, [mode, header, low, high]] of (
    [
      ['too-many', '2', 2_000, 2_000],
      ['unavailable-until', inTwoSeconds, 110_000, 120_000],
      ['too-many', 'soon', undefined, undefined],
      ['too-many', '99999999999', 86_400_000, 86_400_000],
    ] as const
  ).entries()) {
    requesting.server.retryAfter = header;
    requesting.server.next(mode);
    requesting.code = (ctx) => requesting.post(ctx);
    const stepId = `call-${index}`;
    const { retryAfterMs, message } = await failureOf(requesting.call(stepId, { maxAttempts: 1 }), 'endpoint-busy');
    assert.ok(
      low === undefined ? retryAfterMs === undefined : retryAfterMs! >= low && retryAfterMs! <= high,
      String(retryAfterMs),
    );
    assert.match(message, /POST http:\/\/127\.0\.0\.1:\d+\/pay: 127\.0\.0\.1:\d+ answered (429|503) .*: \{"error":/);
    assert.equal(requesting.stateOf(stepId), 'withdrawn');
    await requesting.call(stepId, { maxAttempts: 1 });
  }
  assert.equal(requesting.server.effects(), 4);
});

test('a refusal is the step’s failure, without a doubt; acceptStatus makes it an answer', async () => {
  requesting.code = (ctx) =>
    requesting.post(ctx, { headers: { authorization: { env: 'API_TOKEN', prefix: 'Bearer ' } } });
  requesting.server.next('refused');
  const question = await questionFrom(requesting.call());
  assert.equal(question.kind, 'stuck');
  assert.match(
    question.findings[0]!.found.text,
    /http-refused: .*answered 422 .*"you":"Bearer \$\{\{ env\.API_TOKEN \}\}"/,
  );
  await requesting.job.decide(question, { answer: 'rerun' });
  assert.deepEqual(await requesting.call(), { effect: 1, of: '{"amount":7}' });
  requesting.code = async (ctx) =>
    (await ctx.http('pay', { url: requesting.server.url, method: 'POST', acceptStatus: [422] })).status;
  requesting.server.next('refused');
  assert.equal(await requesting.call('accepting'), 422);
});

test('an endpoint that cannot be reached is tried again, and in doubt nowhere', async () => {
  const { url } = requesting.other;
  await requesting.other.close();
  requesting.code = (ctx) => ctx.http('pay', { url, method: 'POST' }).then(({ status }) => status);
  const { message } = await failureOf(requesting.call('call', { maxAttempts: 1 }), 'endpoint-unreachable');
  assert.match(message, /cannot be reached: .*ECONNREFUSED/);
  assert.equal(requesting.stateOf(), 'withdrawn');
  requesting.other = await CountingServer.start();
});

test('redirects are followed as HTTP has them, with the key; where one leads to is asked of the list', async () => {
  for (const [status, method, expected] of [
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [301, 'PUT', 'PUT'],
    [302, 'DELETE', 'DELETE'],
    [307, 'POST', 'POST'],
    [308, 'PATCH', 'PATCH'],
    [302, 'GET', 'GET'],
    [307, 'HEAD', 'HEAD'],
  ] as const) {
    const stepId = `call-${status}-${method}`;
    requesting.server.redirectStatus = status;
    requesting.server.redirectTo = '/landed?here';
    requesting.server.next('redirect');
    const isSafe = method === 'GET' || method === 'HEAD';
    requesting.code = async (ctx) => {
      const { url, text } = await ctx.http('pay', {
        url: requesting.server.url,
        method,
        ...(isSafe ? {} : { body: 'a body', headers: { 'content-type': 'text/x' } }),
      });
      return [url, text];
    };
    const [url, text] = (await requesting.call(stepId)) as [string, string];
    assert.equal(url, `${requesting.server.url}/landed?here`);
    const [first, last] = requesting.server.requests.slice(-2) as [
      (typeof server.requests)[0],
      (typeof server.requests)[0],
    ];
    assert.equal(last.method, expected, stepId);
    const isSame = expected === method;
    assert.deepEqual(
      [last.body, last.headers['content-type']],
      isSame && !isSafe ? ['a body', 'text/x'] : ['', undefined],
      stepId,
    );
    assert.equal(last.key, first.key);
    assert.equal(first.key === undefined, isSafe);
    if (expected === 'GET') assert.equal(text, '{"landed":"/landed"}');
    if (!isSafe) assert.equal(requesting.server.effects(first.key), 1);
  }
});

test('another origin gets the key by a redirect, and no header that may be a secret', async () => {
  requesting.server.redirectStatus = 307;
  requesting.server.redirectTo = `${requesting.other.url}/there`;
  requesting.server.next('redirect');
  requesting.code = (ctx) =>
    requesting.post(ctx, {
      headers: {
        authorization: { env: 'API_TOKEN', prefix: 'Bearer ' },
        'x-api-key': 'plain',
        accept: 'application/json',
      },
    });
  await requesting.call();
  const [[first], [there]] = [requesting.server.requests, requesting.other.requests];
  assert.equal(first!.headers['authorization'], `Bearer ${SECRET}`);
  assert.deepEqual(
    [there!.headers['authorization'], there!.headers['x-api-key'], there!.headers['accept']],
    [undefined, undefined, 'application/json'],
  );
  assert.equal(there!.key, first!.key);
  assert.equal(there!.body, '{"amount":7}');
  // Within one origin the headers go along.
  requesting.server.redirectTo = '/here';
  requesting.server.next('redirect');
  await requesting.call('within');
  assert.equal(requesting.server.requests.at(-1)!.headers['authorization'], `Bearer ${SECRET}`);
});

test('no redirect to an unlisted host is followed: a person is asked after an effect, else it is stuck', async () => {
  await using stranger = await CountingServer.start();
  requesting.server.redirectTo = stranger.url;
  requesting.code = (ctx) => requesting.post(ctx);
  for (const status of [307, 303]) {
    requesting.server.redirectStatus = status;
    requesting.server.next('redirect');
    const question = await questionFrom(requesting.call(`call-${status}`));
    assert.equal(question.kind, status === 303 ? 'in-doubt' : 'stuck');
    assert.match(JSON.stringify(question.findings), /is not on the list of hosts that this job may call/);
  }
  requesting.server.redirectTo = 'ftp://example.com/';
  requesting.server.redirectStatus = 308;
  requesting.server.next('redirect');
  await stuckFrom(requesting.call('ftp'), /is not a URL that can be called/);
  requesting.server.redirectTo = '/again';
  requesting.server.mode = 'redirect';
  await stuckFrom(requesting.call('loop'), /redirected more than 10 times/);
  assert.equal(stranger.requests.length, 0);
});

test('a redirect that may follow an effect is in doubt, whatever the method and wherever it leads', async () => {
  const raw = createServer((request, response) => {
    const [, status] = /^\/(\d+)/.exec(request.url ?? '') ?? [];
    if (status === undefined) response.writeHead(404).end('there is nothing here');
    else
      response
        .writeHead(
          Number(status),
          request.url!.endsWith('/nowhere')
            ? {}
            : { location: request.url!.endsWith('/gone') ? '/gone' : 'https://elsewhere.example/' },
        )
        .end();
  });
  await new Promise<void>((resolve) => void raw.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(raw.address() as AddressInfo).port}`;
  await requesting.job.close();
  requesting.job = requesting.open({ http: { hosts: [url] } });
  try {
    for (const [status, method, kind] of [
      [301, 'PUT', 'in-doubt'],
      [302, 'DELETE', 'in-doubt'],
      [302, 'POST', 'in-doubt'],
      [303, 'PATCH', 'in-doubt'],
      [307, 'POST', 'stuck'],
      [308, 'DELETE', 'stuck'],
      [302, 'GET', 'stuck'],
    ] as const) {
      for (const where of ['gone', 'elsewhere', 'nowhere']) {
        requesting.code = (ctx) =>
          ctx.http('pay', { url: `${url}/${status}/${where}`, method }).then((response) => response.status);
        const question = await questionFrom(requesting.call(`${status}-${method}-${where}`));
        assert.equal(question.kind, kind, `${status} to ${method}, ${where}: ${JSON.stringify(question.findings)}`);
      }
    }
  } finally {
    raw.closeAllConnections();
    await new Promise<void>((resolve) => void raw.close(() => resolve()));
  }
});
