/** `ctx.http` and the built-in step `http`, without a Temporal server, against an endpoint that counts. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { httpStep } from '../../src/model/step/built-in/http.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure, type HoldfastError } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { HttpOptions } from '../../src/model/step/step-http.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import {
  defineStep,
  implementStep,
  openTestJob,
  QuestionAsked,
  type TestJob,
  type TestJobOptions,
} from '../../src/testing.ts';
import { CountingServer } from '../support/counting-server.ts';
import { decisionsOf, readLedger, stepRecordsOf } from '../support/ledger.ts';

const SECRET = 'sk-planted-0123456789/+=';
const call = defineStep({ name: 'call', input: z.object({}), output: z.any() });

let code: (ctx: StepContext) => unknown;
let job: TestJob;
let server: CountingServer;
let other: CountingServer;

beforeEach(async () => {
  [server, other] = await Promise.all([CountingServer.start(), CountingServer.start()]);
  job = open();
});

afterEach(async () => {
  await job.close();
  await Promise.all([server.close(), other.close()]);
});

function open(options: TestJobOptions = {}): TestJob {
  const steps = [implementStep(call, async (ctx) => (await code(ctx)) ?? {})] as unknown as NonNullable<
    TestJobOptions['steps']
  >;
  return openTestJob({
    steps,
    env: { API_TOKEN: SECRET, BROKEN: 'two\nlines', EMPTY: '' },
    http: { hosts: [server.url, other.url] },
    ...options,
  });
}

const at = (place: string): string => join(job.workspace, place);
const doCall = (stepId = 'call', options: { readonly maxAttempts?: number } = {}): Promise<unknown> =>
  job.step(call, {}, { stepId, ...options });
const stateOf = (stepId = 'call'): string | undefined =>
  readLedger(job.workspace, (ledger) => ledger.performsInForce(job.jobId, stepId)[0]?.state);
const post = (ctx: StepContext, options: Partial<HttpOptions> = {}): Promise<Json> =>
  ctx
    .http('pay', { url: `${server.url}/pay`, method: 'POST', json: { amount: 7 }, ...options })
    .then((response) => response.json());

async function failureOf(work: Promise<unknown>, type: FailureType): Promise<HoldfastError> {
  const error = await work.then(
    (output) => new Error(`no failure but ${JSON.stringify(output)}`),
    (found: unknown) => found,
  );
  assert.ok(isFailure(error, type), error instanceof Error ? error.stack : String(error));
  return error;
}

async function questionFrom(work: Promise<unknown>): Promise<Question> {
  const outcome = await work.then(
    (output) => `no question but ${JSON.stringify(output)}`,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof QuestionAsked, outcome instanceof Error ? outcome.stack : String(outcome));
  return outcome.question;
}

/** A step that can't go on, and why. */
async function stuckFrom(work: Promise<unknown>, why: RegExp): Promise<void> {
  const question = await questionFrom(work);
  assert.equal(question.kind, 'stuck', JSON.stringify(question.findings));
  assert.match(question.findings[0]!.found.text, why);
}

// ---- once ------------------------------------------------------------------------------------------------------------

test('a request is made once, under the key of its step as a quoted string; a retry is answered by the record', async () => {
  let runs = 0;
  code = async (ctx) => {
    const answer = await post(ctx);
    runs += 1;
    if (runs === 1) throw new Error('after the request');
    return answer;
  };
  await failureOf(doCall(), 'step-failed');
  assert.deepEqual(await doCall(), { effect: 1, of: '{"amount":7}' });
  assert.equal(server.requests.length, 1);
  const { headers, key } = server.requests[0]!;
  assert.equal(headers['connection'], 'close', 'no connection is left that the other side may close unseen');
  assert.match(String(headers['idempotency-key']), /^"[0-9a-f]{64}"$/);
  assert.equal(headers['content-type'], 'application/json');
  const effect = stepRecordsOf(job.workspace, job.jobId, 'call')[0]!.effects[0]!.effect;
  assert.ok(effect.kind === 'perform');
  assert.equal(effect.key, key);
  assert.deepEqual(JSON.parse(effect.request.text), { method: 'POST', url: `${server.url}/pay`, json: { amount: 7 } });
});

test('a connection cut after or before the effect: a person is asked, and told what an answer looks like', async () => {
  for (const [mode, decision, output] of [
    ['cut-after', { answer: 'happened', result: { status: 201, body: '{"told":1}' } }, { told: 1 }],
    ['cut-after', { answer: 'happened', result: { told: 2 } }, { told: 2 }],
    ['cut-before', { answer: 'repeat' }, undefined],
    ['silent', { answer: 'repeat' }, undefined],
    ['failed-after', { answer: 'repeat' }, undefined],
    ['unavailable', { answer: 'repeat' }, undefined],
    ['cut-body', { answer: 'repeat' }, undefined],
  ] as const) {
    const stepId = `call-${mode}-${server.requests.length}`;
    code = (ctx) => post(ctx, { timeoutMs: 500 });
    server.next(mode);
    const before = server.effects();
    const question = await questionFrom(doCall(stepId));
    assert.equal(question.kind, 'in-doubt');
    const [finding] = question.findings;
    assert.equal(finding!.resource, `perform:${stepId}/pay`);
    assert.match(finding!.difference, /"amount": 7/);
    assert.match(finding!.advice!, /\{"status": 200, "body": "…"\}/);
    assert.equal((await job.decide(question, decision as never)).kind, 'repaired');
    const found = await doCall(stepId);
    const { key } = server.requests.at(-1)!;
    assert.deepEqual(found, output ?? server.answerOf(key!));
    assert.equal(server.effects() - before, 1, mode);
    assert.equal(server.effects(key), 1, 'a repeat has the same key');
  }
  assert.equal(decisionsOf(job.workspace, job.jobId).length, 7);
});

test('idempotent: a request in doubt is made again under its key, and takes effect once; 409 says that the first is under way', async () => {
  code = (ctx) => post(ctx, { idempotent: true });
  server.next('cut-after', 'still-busy', 'failed-after');
  for (const _ of [1, 2, 3]) await failureOf(doCall('call', { maxAttempts: 9 }), 'step-failed');
  assert.deepEqual(await doCall(), { effect: 1, of: '{"amount":7}' });
  assert.deepEqual([server.requests.length, server.keys.length, server.effects()], [4, 1, 1]);
});

test('a probe finds out about a request; a probe that throws leaves it to a person', async () => {
  const probe: HttpOptions['probe'] = async ({ key }) => {
    const response = await fetch(`${server.url}/known/${key}`);
    return response.status === 200 ? { happened: true, answer: await response.text() } : { happened: false };
  };
  server.honoursKeys = false;
  code = (ctx) => post(ctx, { probe });
  server.next('cut-after');
  await failureOf(doCall(), 'step-failed');
  assert.deepEqual(await doCall(), { effect: 1, of: '{"amount":7}' });
  assert.equal(server.requests.length, 1);
  code = (ctx) => post(ctx, { probe: () => Promise.reject(new Error('no such page')) });
  server.next('cut-after');
  await failureOf(doCall('second'), 'step-failed');
  assert.match((await questionFrom(doCall('second'))).findings[0]!.difference, /the probe failed: Error: no such page/);
});

test('a request that a probe takes for not made may still be under way: 409 to it is no refusal', async () => {
  code = (ctx) => post(ctx, { probe: () => ({ happened: false }) });
  server.next('cut-before', 'still-busy');
  await failureOf(doCall(), 'step-failed');
  const { message } = await failureOf(doCall(), 'step-failed');
  assert.match(message, /the first request with this key is still under way/);
  assert.equal(stateOf(), 'about');
  await doCall();
  assert.deepEqual([server.requests.length, server.keys.length, server.effects()], [3, 1, 1]);
});

test('a GET is made again without a question, also with another request', async () => {
  let url = `${server.url}/one`;
  let runs = 0;
  code = async (ctx) => {
    const { text } = await ctx.http('look', { url });
    runs += 1;
    if (runs === 1) throw new Error('after the request');
    return text;
  };
  server.next('cut-before');
  await failureOf(doCall('call', { maxAttempts: 9 }), 'step-failed');
  assert.equal(stateOf(), 'withdrawn');
  await failureOf(doCall('call', { maxAttempts: 9 }), 'step-failed');
  assert.equal(stateOf(), 'done');
  url = `${server.url}/two`;
  assert.equal(await doCall(), '{"landed":"/two"}');
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/one', '/one', '/two'],
  );
  assert.ok(server.requests.every(({ headers }) => headers['idempotency-key'] === undefined));
});

test('a step that runs again on purpose makes its GET anew, and keeps the answer of its POST', async () => {
  writeFileSync(at('input.txt'), 'first');
  code = async (ctx) =>
    [
      await ctx.files.readText('input.txt'),
      (await ctx.http('look', { url: `${server.url}/version` })).json<{ info: { requests: number } }>().info.requests,
      await post(ctx),
    ] as const;
  assert.deepEqual(await doCall(), ['first', 1, { effect: 1, of: '{"amount":7}' }]);
  writeFileSync(at('input.txt'), 'second');
  const { question } = (await job.verify()) as { readonly question: Question };
  assert.deepEqual(question.findings[0]!.keeps, ['perform:call/pay']);
  await job.decide(question, { answer: 'rerun' });
  assert.deepEqual(await doCall(), ['second', 3, { effect: 1, of: '{"amount":7}' }]);
});

test('a failed GET may be caught: it has done nothing', async () => {
  code = async (ctx) => {
    const look = await ctx.http('look', { url: `${server.url}/one` }).catch((error: unknown) => error);
    assert.ok(isFailure(look, 'step-failed'));
    await ctx.files.write('went-on.txt', 'yes');
  };
  server.next('cut-before');
  await doCall();
  assert.equal(readFileSync(at('went-on.txt'), 'utf8'), 'yes');
});

// ---- what the endpoint answers ---------------------------------------------------------------------------------------

test('what did not happen within a call says nothing of the call: it is in doubt', async () => {
  for (const inDoubt of ['ask', 'repeat'] as const) {
    code = async (ctx) =>
      await ctx
        .perform('pay', {
          inDoubt,
          run: async ({ key }) => {
            await fetch(server.url, { method: 'POST', headers: { 'idempotency-key': key }, body: '7' });
            return (await ctx.http('receipt', { url: `${server.url}/receipt` })).text;
          },
        })
        .catch((error: unknown) => {
          if (inDoubt === 'ask') throw error;
          return 'went on';
        });
    server.next('normal', 'refused');
    const ended = await doCall(inDoubt, { maxAttempts: 5 }).catch((error: unknown) => error);
    if (inDoubt === 'ask')
      assert.ok(ended instanceof QuestionAsked && ended.question.kind === 'in-doubt', String(ended));
    else assert.ok(isFailure(ended, 'step-failed') && /says nothing of/.test(ended.message), String(ended));
    assert.equal(
      readLedger(
        job.workspace,
        (ledger) => ledger.performsInForce(job.jobId, inDoubt).find(({ name }) => name === 'pay')?.state,
      ),
      'about',
    );
  }
  assert.equal(server.effects(), 2);
});

test('429, and 503 with Retry-After, certainly did nothing: the failure says when to ask again, in seconds or by date', async () => {
  const inTwoSeconds = new Date(Date.now() + 120_000).toUTCString();
  for (const [index, [mode, header, low, high]] of (
    [
      ['too-many', '2', 2_000, 2_000],
      ['unavailable-until', inTwoSeconds, 110_000, 120_000],
      ['too-many', 'soon', undefined, undefined],
      ['too-many', '99999999999', 86_400_000, 86_400_000],
    ] as const
  ).entries()) {
    server.retryAfter = header;
    server.next(mode);
    code = (ctx) => post(ctx);
    const stepId = `call-${index}`;
    const { retryAfterMs, message } = await failureOf(doCall(stepId, { maxAttempts: 1 }), 'endpoint-busy');
    assert.ok(
      low === undefined ? retryAfterMs === undefined : retryAfterMs! >= low && retryAfterMs! <= high,
      String(retryAfterMs),
    );
    assert.match(message, /POST http:\/\/127\.0\.0\.1:\d+\/pay: 127\.0\.0\.1:\d+ answered (429|503) .*: \{"error":/);
    assert.equal(stateOf(stepId), 'withdrawn');
    await doCall(stepId, { maxAttempts: 1 });
  }
  assert.equal(server.effects(), 4);
});

test('a refusal is the step’s failure, without a doubt; acceptStatus makes it an answer', async () => {
  code = (ctx) => post(ctx, { headers: { authorization: { env: 'API_TOKEN', prefix: 'Bearer ' } } });
  server.next('refused');
  const question = await questionFrom(doCall());
  assert.equal(question.kind, 'stuck');
  assert.match(
    question.findings[0]!.found.text,
    /http-refused: .*answered 422 .*"you":"Bearer \$\{\{ env\.API_TOKEN \}\}"/,
  );
  await job.decide(question, { answer: 'rerun' });
  assert.deepEqual(await doCall(), { effect: 1, of: '{"amount":7}' });
  code = async (ctx) => (await ctx.http('pay', { url: server.url, method: 'POST', acceptStatus: [422] })).status;
  server.next('refused');
  assert.equal(await doCall('accepting'), 422);
});

test('an endpoint that cannot be reached is tried again, and in doubt nowhere', async () => {
  const { url } = other;
  await other.close();
  code = (ctx) => ctx.http('pay', { url, method: 'POST' }).then(({ status }) => status);
  const { message } = await failureOf(doCall('call', { maxAttempts: 1 }), 'endpoint-unreachable');
  assert.match(message, /cannot be reached: .*ECONNREFUSED/);
  assert.equal(stateOf(), 'withdrawn');
  other = await CountingServer.start();
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
    server.redirectStatus = status;
    server.redirectTo = '/landed?here';
    server.next('redirect');
    const isSafe = method === 'GET' || method === 'HEAD';
    code = async (ctx) => {
      const { url, text } = await ctx.http('pay', {
        url: server.url,
        method,
        ...(isSafe ? {} : { body: 'a body', headers: { 'content-type': 'text/x' } }),
      });
      return [url, text];
    };
    const [url, text] = (await doCall(stepId)) as [string, string];
    assert.equal(url, `${server.url}/landed?here`);
    const [first, last] = server.requests.slice(-2) as [(typeof server.requests)[0], (typeof server.requests)[0]];
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
    if (!isSafe) assert.equal(server.effects(first.key), 1);
  }
});

test('another origin gets the key by a redirect, and no header that may be a secret', async () => {
  server.redirectStatus = 307;
  server.redirectTo = `${other.url}/there`;
  server.next('redirect');
  code = (ctx) =>
    post(ctx, {
      headers: {
        authorization: { env: 'API_TOKEN', prefix: 'Bearer ' },
        'x-api-key': 'plain',
        accept: 'application/json',
      },
    });
  await doCall();
  const [[first], [there]] = [server.requests, other.requests];
  assert.equal(first!.headers['authorization'], `Bearer ${SECRET}`);
  assert.deepEqual(
    [there!.headers['authorization'], there!.headers['x-api-key'], there!.headers['accept']],
    [undefined, undefined, 'application/json'],
  );
  assert.equal(there!.key, first!.key);
  assert.equal(there!.body, '{"amount":7}');
  // Within one origin they are kept.
  server.redirectTo = '/here';
  server.next('redirect');
  await doCall('within');
  assert.equal(server.requests.at(-1)!.headers['authorization'], `Bearer ${SECRET}`);
});

test('a redirect to a host that is not listed is not followed: after an effect a person is asked, else the step fails', async () => {
  await using stranger = await CountingServer.start();
  server.redirectTo = stranger.url;
  code = (ctx) => post(ctx);
  for (const status of [307, 303]) {
    server.redirectStatus = status;
    server.next('redirect');
    const question = await questionFrom(doCall(`call-${status}`));
    assert.equal(question.kind, status === 303 ? 'in-doubt' : 'stuck');
    assert.match(JSON.stringify(question.findings), /is not on the list of hosts that this job may call/);
  }
  server.redirectTo = 'ftp://example.com/';
  server.redirectStatus = 308;
  server.next('redirect');
  await stuckFrom(doCall('ftp'), /is not a URL that can be called/);
  server.redirectTo = '/again';
  server.mode = 'redirect';
  await stuckFrom(doCall('loop'), /redirected more than 10 times/);
  assert.equal(stranger.requests.length, 0);
});

test('a redirect after which nobody can know is in doubt, whatever the method; what follows it, and what names no place', async () => {
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
  await job.close();
  job = open({ http: { hosts: [url] } });
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
        code = (ctx) =>
          ctx.http('pay', { url: `${url}/${status}/${where}`, method }).then((response) => response.status);
        const question = await questionFrom(doCall(`${status}-${method}-${where}`));
        assert.equal(question.kind, kind, `${status} to ${method}, ${where}: ${JSON.stringify(question.findings)}`);
      }
    }
  } finally {
    raw.closeAllConnections();
    await new Promise<void>((resolve) => void raw.close(() => resolve()));
  }
});

// ---- what is recorded ------------------------------------------------------------------------------------------------

test('a response that is longer than the bound is an error; saveTo makes it a file, in flat memory', async () => {
  code = async (ctx) => (await ctx.http('look', { url: `${server.url}/stream?bytes=1048577` })).text.length;
  await stuckFrom(doCall('long'), /too-large: .*answered 200 with more than 1048576 bytes \(maxBytes\)\. With saveTo/);
  code = async (ctx) => (await ctx.http('look', { url: `${server.url}/stream?bytes=1048576` })).text.length;
  assert.equal(await doCall('fits'), 1_048_576);

  const sizeBytes = 300 * 1024 * 1024;
  const peak = peakMemory();
  code = async (ctx) => {
    const { saved, text } = await ctx.http('look', {
      url: `${server.url}/stream?bytes=${sizeBytes}`,
      saveTo: 'deep/large.bin',
    });
    assert.equal(existsSync(at('deep/large.bin')), false, 'staged, not written');
    return [saved!.sizeBytes, text];
  };
  assert.deepEqual(await doCall('saved'), [sizeBytes, '']);
  assert.equal(statSync(at('deep/large.bin')).size, sizeBytes);
  assert.ok(peak() < 150 * 1024 * 1024, `${peak()} bytes more than before`);
  code = async (ctx) =>
    (await ctx.http('look', { url: `${server.url}/stream?bytes=1001`, saveTo: 'small.bin', maxBytes: 1000 })).status;
  await stuckFrom(doCall('bounded'), /more than 1000 bytes/);
  assert.equal(existsSync(at('small.bin')), false);
});

test('a saved response is written once and comes from the record on a retry; what a person told becomes the file', async () => {
  let runs = 0;
  code = async (ctx) => {
    await ctx.http('pay', { url: server.url, method: 'POST', saveTo: 'answer.json' });
    runs += 1;
    if (runs === 1) throw new Error('after the request');
  };
  await failureOf(doCall(), 'step-failed');
  await doCall();
  assert.equal(readFileSync(at('answer.json'), 'utf8'), '{"effect":1,"of":""}');
  assert.equal(server.requests.length, 1);
  server.next('cut-body');
  const question = await questionFrom(doCall('told'));
  assert.match(question.findings[0]!.difference, /answered 200, and its answer was cut/);
  await job.decide(question, { answer: 'happened', result: 'as they say' });
  await doCall('told');
  assert.equal(readFileSync(at('answer.json'), 'utf8'), 'as they say');
});

test('a request that the code does not wait for is waited for, with the file that it saves; one that is wrong fails the step', async () => {
  code = (ctx) => {
    void ctx.http('look', { url: `${server.url}/stream?bytes=200000`, saveTo: 'later.bin' });
  };
  await doCall();
  assert.equal(statSync(at('later.bin')).size, 200_000);
  code = (ctx) => {
    void ctx.http('look', { url: 'https://example.com/' });
  };
  await stuckFrom(doCall('wrong'), /host-not-allowed/);
});

test('silence ends a request: before the answer, and within it', async () => {
  code = (ctx) => ctx.http('look', { url: `${server.url}/stall`, timeoutMs: 200 });
  const { message } = await failureOf(doCall('stalled'), 'step-failed');
  assert.match(message, /its answer stopped for more than 200 ms/);
  server.next('silent');
  code = (ctx) => ctx.http('look', { url: server.url, timeoutMs: 200 });
  assert.match((await failureOf(doCall('silent'), 'step-failed')).message, /did not answer within 200 ms/);
});

test('a secret is in no record: headers name its variable, and what is echoed of it is taken out', async () => {
  code = async (ctx) => {
    const response = await ctx.http('look', {
      url: `${server.url}/echo`,
      headers: { Authorization: { env: 'API_TOKEN' }, 'x-user': 'Ada' },
    });
    assert.equal(response.headers['x-echo'], '${{ env.API_TOKEN }}');
    await ctx.files.write('echo.json', response.text);
    return response.json();
  };
  const output = (await doCall()) as Record<string, string>;
  assert.equal(server.requests[0]!.headers['authorization'], SECRET);
  assert.deepEqual([output['authorization'], output['x-user']], ['${{ env.API_TOKEN }}', 'Ada']);
  for (const file of ['ledger.sqlite', 'ledger.sqlite-wal']) {
    const bytes = existsSync(at(`.holdfast/${file}`)) ? readFileSync(at(`.holdfast/${file}`), 'latin1') : '';
    for (const form of [SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('base64')])
      assert.ok(!bytes.includes(form), `${form} stands in ${file}`);
  }
});

// ---- bad input -------------------------------------------------------------------------------------------------------

test('what is wrong with a request is said before anything is written or sent', async () => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [
      { url: 'https://example.com/' },
      /host-not-allowed: example\.com is not on the list of hosts that this job may call; it names http:\/\/127/,
    ],
    [{ url: server.url.replace('http:', 'https:') }, /host-not-allowed/],
    [{ url: 'not a url' }, /bad-input: "not a url" is not a URL that can be called/],
    [{ url: 'file:///etc/passwd' }, /is not a URL that can be called/],
    [{ url: server.url.replace('//', '//user:hidden@') }, /holds a user name or a password/],
    [{ url: server.url, method: 'BREW' }, /method: /],
    [{ url: server.url, json: 1 }, /json: is not sent with GET/],
    [{ url: server.url, method: 'POST', json: 1, body: '1' }, /body: stands beside json/],
    [{ url: server.url, method: 'HEAD', saveTo: 'x' }, /saveTo: has nothing to save/],
    [{ url: server.url, maxBytes: 1e9 }, /maxBytes: is at most 8388608 without saveTo/],
    [{ url: server.url, headers: { 'Idempotency-Key': 'mine' } }, /idempotency-key is not for a request to set/],
    [{ url: server.url, headers: { 'x a': '1' } }, /headers\.x a: is not the name of a header/],
    [{ url: server.url, headers: { x: 'two\r\nlines' } }, /ASCII text of one line/],
    [
      { url: server.url, headers: { x: { env: 'NOWHERE' } } },
      /missing-variable: The environment variable NOWHERE is not set; the header x is to hold it/,
    ],
    [{ url: server.url, headers: { x: { env: 'EMPTY' } } }, /EMPTY is empty/],
    [{ url: server.url, headers: { x: { env: 'BROKEN' } } }, /cannot stand in the header x/],
    [
      { url: server.url, headers: { x: { env: 'API_TOKEN', prefix: 'Bearer\n' } } },
      /headers\.x\.prefix: ASCII text of one line/,
    ],
    [
      { url: server.url, headers: { x: { env: 'API_TOKEN', prefix: 'Béarer ' } } },
      /headers\.x\.prefix: ASCII text of one line/,
    ],
    [{ url: server.url, saveTo: '../out' }, /outside-workspace/],
    [{ url: server.url, saveTo: '.holdfast/x' }, /reserved-path/],
    [
      { url: server.url, method: 'POST', idempotent: true, probe: () => ({ happened: false }) },
      /is idempotent and has a probe/,
    ],
    [{ url: server.url, retries: 3 }, /retries/],
  ];
  for (const [index, [options, why]] of cases.entries()) {
    code = (ctx) => ctx.http('look', options as never);
    const question = await questionFrom(doCall(`bad-${index}`));
    assert.match(question.findings[0]!.found.text, why);
    assert.doesNotMatch(question.findings[0]!.found.text, /hidden/);
    assert.equal(stateOf(`bad-${index}`), undefined, 'nothing is written');
  }
  assert.equal(server.requests.length, 0);
});

test('nothing may be called unless the job lists it; a host below one, another port, another scheme is another', async () => {
  const { port } = new URL(server.url);
  for (const [hosts, isCalled] of [
    [[], false],
    [['127.0.0.1'], false],
    [[`127.0.0.1:${port}`], false],
    [['http://127.0.0.1'], false],
    [['http://localhost:1', `http://127.0.0.1:${port}`], true],
  ] as const) {
    await job.close();
    job = open({ http: { hosts: [...hosts] } });
    code = async (ctx) => (await ctx.http('look', { url: server.url })).status;
    if (isCalled) assert.equal(await doCall(), 200);
    else await stuckFrom(doCall(), /host-not-allowed/);
  }
});

test('an endpoint that answers with what is not HTTP leaves a POST in doubt', async () => {
  const strange = createServer();
  strange.on('connection', (socket) => void socket.on('error', () => undefined).end('SMTP ready\r\n'));
  await new Promise<void>((resolve) => void strange.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(strange.address() as AddressInfo).port}`;
  await job.close();
  job = open({ http: { hosts: [url] } });
  code = (ctx) => post(ctx, { url });
  assert.equal((await questionFrom(doCall())).kind, 'in-doubt');
  await new Promise((resolve) => void strange.close(resolve));
});

// ---- the built-in step -----------------------------------------------------------------------------------------------

test('the built-in step gives the body parsed where it is JSON, and saves it where it is told', async () => {
  const got = await job.step(httpStep, { url: `${server.url}/version` }, { stepId: 'get' });
  assert.deepEqual(got.body, { info: { version: '1', requests: 1 } });
  assert.equal(got.headers['x-api-version'], '1');
  const text = await job.step(httpStep, { url: `${server.url}/stream?bytes=6` }, { stepId: 'text' });
  assert.equal(text.body, 'stream');
  const saved = await job.step(
    httpStep,
    { url: `${server.url}/stream?bytes=70000`, saveTo: 'out/got.bin' },
    { stepId: 'save' },
  );
  assert.deepEqual(
    [saved.path, saved.sizeBytes, saved.body, statSync(at('out/got.bin')).size],
    ['out/got.bin', 70_000, null, 70_000],
  );
  await stuckFrom(
    job.step(httpStep, { url: `${server.url}/stream?bytes=131073` }, { stepId: 'long' }),
    /more than 131072 bytes/,
  );
  await stuckFrom(
    job.step(httpStep, { url: server.url, maxBytes: 131_073 }, { stepId: 'wide' }),
    /maxBytes: is at most 131072 without saveTo/,
  );
  const paid = await job.step(
    httpStep,
    { url: server.url, method: 'POST', body: 'x', idempotent: true },
    { stepId: 'pay' },
  );
  assert.deepEqual(paid.body, { effect: 1, of: 'x' });
  assert.equal((await job.step(httpStep, { url: server.url, method: 'HEAD' }, { stepId: 'head' })).body, null);
});

function peakMemory(): () => number {
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
  return () => {
    clearInterval(timer);
    return peak - before;
  };
}
