/** `ctx.http` and the built-in step `http`, without a Temporal server, against an endpoint that counts. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import type { Question } from '../../src/model/question/question.ts';
import { httpStep } from '../../src/model/step/built-in/http.ts';
import type { HttpOptions } from '../../src/model/step/step-http.ts';
import { decisionsOf, stepRecordsOf } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';
import { failureOf, SECRET, stuckFrom, testRequestingJob } from '../support/requesting-job.ts';

const requesting = testRequestingJob();

test('a request is made once, under its step’s key as a quoted string; a retry is answered by the record', async () => {
  let runs = 0;
  requesting.code = async (ctx) => {
    const answer = await requesting.post(ctx);
    runs += 1;
    if (runs === 1) throw new Error('after the request');
    return answer;
  };
  await failureOf(requesting.call(), 'step-failed');
  assert.deepEqual(await requesting.call(), { effect: 1, of: '{"amount":7}' });
  assert.equal(requesting.server.requests.length, 1);
  const { headers, key } = requesting.server.requests[0]!;
  assert.equal(headers['connection'], 'close', 'no connection is left that the other side may close unseen');
  assert.match(String(headers['idempotency-key']), /^"[0-9a-f]{64}"$/);
  assert.equal(headers['content-type'], 'application/json');
  const effect = stepRecordsOf(requesting.job.workspace, requesting.job.jobId, 'call')[0]!.effects[0]!.effect;
  assert.ok(effect.kind === 'perform');
  assert.equal(effect.key, key);
  assert.deepEqual(JSON.parse(effect.request.text), {
    method: 'POST',
    url: `${requesting.server.url}/pay`,
    json: { amount: 7 },
  });
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
    const stepId = `call-${mode}-${requesting.server.requests.length}`;
    requesting.code = (ctx) => requesting.post(ctx, { timeoutMs: 500 });
    requesting.server.next(mode);
    const before = requesting.server.effects();
    const question = await questionFrom(requesting.call(stepId));
    assert.equal(question.kind, 'in-doubt');
    const [finding] = question.findings;
    assert.equal(finding!.resource, `perform:${stepId}/pay`);
    assert.match(finding!.difference, /"amount": 7/);
    assert.match(finding!.advice!, /\{"status": 200, "body": "…"\}/);
    assert.equal((await requesting.job.decide(question, decision as never)).kind, 'repaired');
    const found = await requesting.call(stepId);
    const { key } = requesting.server.requests.at(-1)!;
    assert.deepEqual(found, output ?? requesting.server.answerOf(key!));
    assert.equal(requesting.server.effects() - before, 1, mode);
    assert.equal(requesting.server.effects(key), 1, 'a repeat has the same key');
  }
  assert.equal(decisionsOf(requesting.job.workspace, requesting.job.jobId).length, 7);
});

test('idempotent: a request in doubt is repeated under its key and takes effect once; 409: under way', async () => {
  requesting.code = (ctx) => requesting.post(ctx, { idempotent: true });
  requesting.server.next('cut-after', 'still-busy', 'failed-after');
  for (const _ of [1, 2, 3]) await failureOf(requesting.call('call', { maxAttempts: 9 }), 'step-failed');
  assert.deepEqual(await requesting.call(), { effect: 1, of: '{"amount":7}' });
  assert.deepEqual(
    [requesting.server.requests.length, requesting.server.keys.length, requesting.server.effects()],
    [4, 1, 1],
  );
});

test('a probe finds out about a request; a probe that throws leaves it to a person', async () => {
  const probe: HttpOptions['probe'] = async ({ key }) => {
    const response = await fetch(`${requesting.server.url}/known/${key}`);
    return response.status === 200 ? { happened: true, answer: await response.text() } : { happened: false };
  };
  requesting.server.honoursKeys = false;
  requesting.code = (ctx) => requesting.post(ctx, { probe });
  requesting.server.next('cut-after');
  await failureOf(requesting.call(), 'step-failed');
  assert.deepEqual(await requesting.call(), { effect: 1, of: '{"amount":7}' });
  assert.equal(requesting.server.requests.length, 1);
  requesting.code = (ctx) => requesting.post(ctx, { probe: () => Promise.reject(new Error('no such page')) });
  requesting.server.next('cut-after');
  await failureOf(requesting.call('second'), 'step-failed');
  assert.match(
    (await questionFrom(requesting.call('second'))).findings[0]!.difference,
    /the probe failed: Error: no such page/,
  );
});

test('a request that a probe takes for not made may still be under way: 409 to it is no refusal', async () => {
  requesting.code = (ctx) => requesting.post(ctx, { probe: () => ({ happened: false }) });
  requesting.server.next('cut-before', 'still-busy');
  await failureOf(requesting.call(), 'step-failed');
  const { message } = await failureOf(requesting.call(), 'step-failed');
  assert.match(message, /the first request with this key is still under way/);
  assert.equal(requesting.stateOf(), 'about');
  await requesting.call();
  assert.deepEqual(
    [requesting.server.requests.length, requesting.server.keys.length, requesting.server.effects()],
    [3, 1, 1],
  );
});

test('a GET is made again without a question, also with another request', async () => {
  let url = `${requesting.server.url}/one`;
  let runs = 0;
  requesting.code = async (ctx) => {
    const { text } = await ctx.http('look', { url });
    runs += 1;
    if (runs === 1) throw new Error('after the request');
    return text;
  };
  requesting.server.next('cut-before');
  await failureOf(requesting.call('call', { maxAttempts: 9 }), 'step-failed');
  assert.equal(requesting.stateOf(), 'withdrawn');
  await failureOf(requesting.call('call', { maxAttempts: 9 }), 'step-failed');
  assert.equal(requesting.stateOf(), 'done');
  url = `${requesting.server.url}/two`;
  assert.equal(await requesting.call(), '{"landed":"/two"}');
  assert.deepEqual(
    requesting.server.requests.map(({ path }) => path),
    ['/one', '/one', '/two'],
  );
  assert.ok(requesting.server.requests.every(({ headers }) => headers['idempotency-key'] === undefined));
});

test('a step that runs again on purpose makes its GET anew, and keeps the answer of its POST', async () => {
  writeFileSync(requesting.at('input.txt'), 'first');
  requesting.code = async (ctx) =>
    [
      await ctx.files.readText('input.txt'),
      (await ctx.http('look', { url: `${requesting.server.url}/version` })).json<{ info: { requests: number } }>().info
        .requests,
      await requesting.post(ctx),
    ] as const;
  assert.deepEqual(await requesting.call(), ['first', 1, { effect: 1, of: '{"amount":7}' }]);
  writeFileSync(requesting.at('input.txt'), 'second');
  const { question } = (await requesting.job.verify()) as { readonly question: Question };
  assert.deepEqual(question.findings[0]!.keeps, ['perform:call/pay']);
  await requesting.job.decide(question, { answer: 'rerun' });
  assert.deepEqual(await requesting.call(), ['second', 3, { effect: 1, of: '{"amount":7}' }]);
});

test('a failed GET may be caught: it has done nothing', async () => {
  requesting.code = async (ctx) => {
    const look = await ctx.http('look', { url: `${requesting.server.url}/one` }).catch((error: unknown) => error);
    assert.ok(isFailure(look, 'step-failed'));
    await ctx.files.write('went-on.txt', 'yes');
  };
  requesting.server.next('cut-before');
  await requesting.call();
  assert.equal(readFileSync(requesting.at('went-on.txt'), 'utf8'), 'yes');
});

test('a response that is longer than the bound is an error; saveTo makes it a file, in flat memory', async () => {
  requesting.code = async (ctx) =>
    (await ctx.http('look', { url: `${requesting.server.url}/stream?bytes=1048577` })).text.length;
  await stuckFrom(
    requesting.call('long'),
    /too-large: .*answered 200 with more than 1048576 bytes \(maxBytes\)\. With saveTo/,
  );
  requesting.code = async (ctx) =>
    (await ctx.http('look', { url: `${requesting.server.url}/stream?bytes=1048576` })).text.length;
  assert.equal(await requesting.call('fits'), 1_048_576);

  const sizeBytes = 300 * 1024 * 1024;
  const peak = peakMemory();
  requesting.code = async (ctx) => {
    const { saved, text } = await ctx.http('look', {
      url: `${requesting.server.url}/stream?bytes=${sizeBytes}`,
      saveTo: 'deep/large.bin',
    });
    assert.equal(existsSync(requesting.at('deep/large.bin')), false, 'staged, not written');
    return [saved!.sizeBytes, text];
  };
  assert.deepEqual(await requesting.call('saved'), [sizeBytes, '']);
  assert.equal(statSync(requesting.at('deep/large.bin')).size, sizeBytes);
  assert.ok(peak() < 150 * 1024 * 1024, `${peak()} bytes more than before`);
  requesting.code = async (ctx) =>
    (await ctx.http('look', { url: `${requesting.server.url}/stream?bytes=1001`, saveTo: 'small.bin', maxBytes: 1000 }))
      .status;
  await stuckFrom(requesting.call('bounded'), /more than 1000 bytes/);
  assert.equal(existsSync(requesting.at('small.bin')), false);
});

test('a saved response is written once, on a retry from the record; a person’s answer becomes the file', async () => {
  let runs = 0;
  requesting.code = async (ctx) => {
    await ctx.http('pay', { url: requesting.server.url, method: 'POST', saveTo: 'answer.json' });
    runs += 1;
    if (runs === 1) throw new Error('after the request');
  };
  await failureOf(requesting.call(), 'step-failed');
  await requesting.call();
  assert.equal(readFileSync(requesting.at('answer.json'), 'utf8'), '{"effect":1,"of":""}');
  assert.equal(requesting.server.requests.length, 1);
  requesting.server.next('cut-body');
  const question = await questionFrom(requesting.call('told'));
  assert.match(question.findings[0]!.difference, /answered 200, and its answer was cut/);
  await requesting.job.decide(question, { answer: 'happened', result: 'as they say' });
  await requesting.call('told');
  assert.equal(readFileSync(requesting.at('answer.json'), 'utf8'), 'as they say');
});

test('a request that the code does not await is awaited, with its saved file; a wrong one fails the step', async () => {
  requesting.code = (ctx) => {
    void ctx.http('look', { url: `${requesting.server.url}/stream?bytes=200000`, saveTo: 'later.bin' });
  };
  await requesting.call();
  assert.equal(statSync(requesting.at('later.bin')).size, 200_000);
  requesting.code = (ctx) => {
    void ctx.http('look', { url: 'https://example.com/' });
  };
  await stuckFrom(requesting.call('wrong'), /host-not-allowed/);
});

test('silence ends a request: before the answer, and within it', async () => {
  requesting.code = (ctx) => ctx.http('look', { url: `${requesting.server.url}/stall`, timeoutMs: 200 });
  const { message } = await failureOf(requesting.call('stalled'), 'step-failed');
  assert.match(message, /its answer stopped for more than 200 ms/);
  requesting.server.next('silent');
  requesting.code = (ctx) => ctx.http('look', { url: requesting.server.url, timeoutMs: 200 });
  assert.match((await failureOf(requesting.call('silent'), 'step-failed')).message, /did not answer within 200 ms/);
});

test('a secret is in no record: headers name its variable, and what is echoed of it is taken out', async () => {
  requesting.code = async (ctx) => {
    const response = await ctx.http('look', {
      url: `${requesting.server.url}/echo`,
      headers: { Authorization: { env: 'API_TOKEN' }, 'x-user': 'Ada' },
    });
    assert.equal(response.headers['x-echo'], '${{ env.API_TOKEN }}');
    await ctx.files.write('echo.json', response.text);
    return response.json();
  };
  const output = (await requesting.call()) as Record<string, string>;
  assert.equal(requesting.server.requests[0]!.headers['authorization'], SECRET);
  assert.deepEqual([output['authorization'], output['x-user']], ['${{ env.API_TOKEN }}', 'Ada']);
  for (const file of ['ledger.sqlite', 'ledger.sqlite-wal']) {
    const bytes = existsSync(requesting.at(`.holdfast/${file}`))
      ? readFileSync(requesting.at(`.holdfast/${file}`), 'latin1')
      : '';
    for (const form of [SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('base64')])
      assert.ok(!bytes.includes(form), `${form} stands in ${file}`);
  }
});

test('what is wrong with a request is said before anything is written or sent', async () => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [
      { url: 'https://example.com/' },
      /host-not-allowed: example\.com is not on the list of hosts that this job may call; it names http:\/\/127/,
    ],
    [{ url: requesting.server.url.replace('http:', 'https:') }, /host-not-allowed/],
    [{ url: 'not a url' }, /bad-input: "not a url" is not a URL that can be called/],
    [{ url: 'file:///etc/passwd' }, /is not a URL that can be called/],
    [{ url: requesting.server.url.replace('//', '//user:hidden@') }, /holds a user name or a password/],
    [{ url: requesting.server.url, method: 'BREW' }, /method: /],
    [{ url: requesting.server.url, json: 1 }, /json: is not sent with GET/],
    [{ url: requesting.server.url, method: 'POST', json: 1, body: '1' }, /body: stands beside json/],
    [{ url: requesting.server.url, method: 'HEAD', saveTo: 'x' }, /saveTo: has nothing to save/],
    [{ url: requesting.server.url, maxBytes: 1e9 }, /maxBytes: is at most 8388608 without saveTo/],
    [
      { url: requesting.server.url, headers: { 'Idempotency-Key': 'mine' } },
      /idempotency-key is not for a request to set/,
    ],
    [{ url: requesting.server.url, headers: { 'x a': '1' } }, /headers\.x a: is not the name of a header/],
    [{ url: requesting.server.url, headers: { x: 'two\r\nlines' } }, /ASCII text of one line/],
    [
      { url: requesting.server.url, headers: { x: { env: 'NOWHERE' } } },
      /missing-variable: The environment variable NOWHERE is not set; the header x is to hold it/,
    ],
    [{ url: requesting.server.url, headers: { x: { env: 'EMPTY' } } }, /EMPTY is empty/],
    [{ url: requesting.server.url, headers: { x: { env: 'BROKEN' } } }, /cannot stand in the header x/],
    [
      { url: requesting.server.url, headers: { x: { env: 'API_TOKEN', prefix: 'Bearer\n' } } },
      /headers\.x\.prefix: ASCII text of one line/,
    ],
    [
      { url: requesting.server.url, headers: { x: { env: 'API_TOKEN', prefix: 'Béarer ' } } },
      /headers\.x\.prefix: ASCII text of one line/,
    ],
    [{ url: requesting.server.url, saveTo: '../out' }, /outside-workspace/],
    [{ url: requesting.server.url, saveTo: '.holdfast/x' }, /reserved-path/],
    [
      { url: requesting.server.url, method: 'POST', idempotent: true, probe: () => ({ happened: false }) },
      /is idempotent and has a probe/,
    ],
    [{ url: requesting.server.url, retries: 3 }, /retries/],
  ];
  for (const [index, [options, why]] of cases.entries()) {
    requesting.code = (ctx) => ctx.http('look', options as never);
    const question = await questionFrom(requesting.call(`bad-${index}`));
    assert.match(question.findings[0]!.found.text, why);
    assert.doesNotMatch(question.findings[0]!.found.text, /hidden/);
    assert.equal(requesting.stateOf(`bad-${index}`), undefined, 'nothing is written');
  }
  assert.equal(requesting.server.requests.length, 0);
});

test('only what the job lists may be called; a subdomain, another port, another scheme is another host', async () => {
  const { port } = new URL(requesting.server.url);
  for (const [hosts, isCalled] of [
    [[], false],
    [['127.0.0.1'], false],
    [[`127.0.0.1:${port}`], false],
    [['http://127.0.0.1'], false],
    [['http://localhost:1', `http://127.0.0.1:${port}`], true],
  ] as const) {
    await requesting.job.close();
    requesting.job = requesting.open({ http: { hosts: [...hosts] } });
    requesting.code = async (ctx) => (await ctx.http('look', { url: requesting.server.url })).status;
    if (isCalled) assert.equal(await requesting.call(), 200);
    else await stuckFrom(requesting.call(), /host-not-allowed/);
  }
});

test('an endpoint that answers with what is not HTTP leaves a POST in doubt', async () => {
  const strange = createServer();
  strange.on('connection', (socket) => void socket.on('error', () => undefined).end('SMTP ready\r\n'));
  await new Promise<void>((resolve) => void strange.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(strange.address() as AddressInfo).port}`;
  await requesting.job.close();
  requesting.job = requesting.open({ http: { hosts: [url] } });
  requesting.code = (ctx) => requesting.post(ctx, { url });
  assert.equal((await questionFrom(requesting.call())).kind, 'in-doubt');
  await new Promise((resolve) => void strange.close(resolve));
});

test('the built-in step gives the body parsed where it is JSON, and saves it where it is told', async () => {
  const got = await requesting.job.step(httpStep, { url: `${requesting.server.url}/version` }, { stepId: 'get' });
  assert.deepEqual(got.body, { info: { version: '1', requests: 1 } });
  assert.equal(got.headers['x-api-version'], '1');
  const text = await requesting.job.step(
    httpStep,
    { url: `${requesting.server.url}/stream?bytes=6` },
    { stepId: 'text' },
  );
  assert.equal(text.body, 'stream');
  const saved = await requesting.job.step(
    httpStep,
    { url: `${requesting.server.url}/stream?bytes=70000`, saveTo: 'out/got.bin' },
    { stepId: 'save' },
  );
  assert.deepEqual(
    [saved.path, saved.sizeBytes, saved.body, statSync(requesting.at('out/got.bin')).size],
    ['out/got.bin', 70_000, null, 70_000],
  );
  await stuckFrom(
    requesting.job.step(httpStep, { url: `${requesting.server.url}/stream?bytes=131073` }, { stepId: 'long' }),
    /more than 131072 bytes/,
  );
  await stuckFrom(
    requesting.job.step(httpStep, { url: requesting.server.url, maxBytes: 131_073 }, { stepId: 'wide' }),
    /maxBytes: is at most 131072 without saveTo/,
  );
  const paid = await requesting.job.step(
    httpStep,
    { url: requesting.server.url, method: 'POST', body: 'x', idempotent: true },
    { stepId: 'pay' },
  );
  assert.deepEqual(paid.body, { effect: 1, of: 'x' });
  assert.equal(
    (await requesting.job.step(httpStep, { url: requesting.server.url, method: 'HEAD' }, { stepId: 'head' })).body,
    null,
  );
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
