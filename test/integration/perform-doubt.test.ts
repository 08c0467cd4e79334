/** `ctx.perform`, without a Temporal server: what nobody can know of a call is asked about, or found out. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { chainOf, decisionsOf, readLedger } from '../support/ledger.ts';
import { testPayingJob } from '../support/paying-job.ts';
import { charge, send } from '../support/perform-child.ts';
import { questionFrom } from '../support/questions.ts';

const paying = testPayingJob();

test('a cut connection puts its call in doubt: a person is asked at once, and sees what was to be sent', async () => {
  for (const [mode, answer] of [
    ['cut-after', 'happened'],
    ['cut-before', 'repeat'],
  ] as const) {
    const stepId = `pay-${mode}`;
    paying.code = (ctx) => charge(ctx, paying.server.url, { to: 'Ada', amount: 7 }, 'ask');
    paying.server.next(mode);
    const question = await questionFrom(paying.pay({ stepId }));
    const [finding] = question.findings;
    assert.equal(finding!.resource, `perform:${stepId}/charge`);
    assert.match(finding!.difference, /"to": "Ada"/);
    assert.match(finding!.difference, /the call failed, which does not tell whether it took effect: .*fetch failed/);
    const { key } = paying.server.requests.at(-1)!;
    assert.ok(finding!.difference.includes(`idempotency key: ${key}`));
    assert.deepEqual(finding!.answers, ['happened', 'repeat', 'recheck', 'abort']);
    assert.equal(question.stepId, stepId);
    const told = { effect: 1, of: 'as their log says' };
    await paying.decide(question, { answer, ...(answer === 'happened' ? { result: told } : {}) });
    const output = await paying.pay({ stepId });
    assert.equal(paying.server.effects(key), 1, `${mode}: once`);
    assert.deepEqual(
      paying.server.requests.filter((request) => request.key === key).length,
      answer === 'repeat' ? 2 : 1,
    );
    if (answer === 'happened') assert.deepEqual(output, told);
    else assert.deepEqual(output, paying.server.answerOf(key!));
    assert.deepEqual(paying.performedIn(stepId), [
      { name: 'charge', known: answer === 'happened' ? 'told' : 'called', generation: 0, outcome: 'applied' },
    ]);
  }
  const [record] = decisionsOf(paying.job.workspace, paying.job.jobId);
  assert.deepEqual(record!.answers, { 'perform:pay-cut-after/charge': 'happened' });
  assert.deepEqual(record!.results, { 'perform:pay-cut-after/charge': { effect: 1, of: 'as their log says' } });
});

test('a call in doubt holds back its own step only', async () => {
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'ask');
  paying.server.next('cut-after');
  const question = await paying.doubtFrom(paying.pay());
  await paying.job.step(fileWriteStep, { path: 'meanwhile.txt', content: 'written' }, { stepId: 'meanwhile' });
  assert.equal(readFileSync(paying.at('meanwhile.txt'), 'utf8'), 'written');
  assert.equal(
    (await paying.doubtFrom(paying.pay())).digest,
    question.digest,
    'its own is asked the same, and makes no second call',
  );
  assert.equal(paying.server.requests.length, 1);
});

test('repeat: a call whose outcome nobody knows is made again under its key, and has happened once', async () => {
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'repeat');
  paying.server.next('cut-after', 'cut-before');
  for (const _ of [1, 2]) await assert.rejects(paying.pay(), (error) => isFailure(error, 'step-failed'));
  await paying.pay();
  assert.equal(paying.server.requests.length, 3);
  assert.equal(paying.server.keys.length, 1, 'the same key each time');
  assert.equal(paying.server.effects(), 1);
});

test('repeat: run is told that it may have happened already; a first call is none', async () => {
  const told: [string, boolean][] = [];
  paying.code = (ctx) =>
    ctx.perform('charge', {
      inDoubt: 'repeat',
      run: ({ key, isRepeat }) => {
        told.push([key, isRepeat]);
        if (told.length === 1) throw new Error('who knows');
        return null;
      },
    });
  await assert.rejects(paying.pay());
  await paying.pay();
  assert.deepEqual(
    told.map(([, isRepeat]) => isRepeat),
    [false, true],
  );
  assert.equal(told[0]![0], told[1]![0]);
});

test('probe: what has happened is recorded, what has not is made, and what cannot be found out is asked', async () => {
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'probe');
  paying.server.honoursKeys = false;
  paying.server.next('cut-after');
  await assert.rejects(paying.pay(), (error) => isFailure(error, 'step-failed'));
  assert.deepEqual(await paying.pay(), { effect: 1, of: '7' });
  assert.deepEqual([paying.server.requests.length, paying.server.effects()], [1, 1]);
  assert.deepEqual(paying.performedIn(), [{ name: 'charge', known: 'probed', generation: 0, outcome: 'applied' }]);

  paying.server.next('cut-before');
  await assert.rejects(paying.pay({ stepId: 'second' }));
  await paying.pay({ stepId: 'second' });
  assert.deepEqual([paying.server.requests.length, paying.server.effects()], [3, 2]);

  const answers: unknown[] = [
    new Error('no such page'),
    { happened: 'unknown' },
    { happened: 'yes' },
    { happened: true, answer: undefined, extra: 1n },
  ];
  const whys = [
    /the probe failed: Error: no such page/,
    /the probe could not find out/,
    /the probe answered \{"happened":"yes"\}; expected/,
  ];
  for (const [index, why] of whys.entries()) {
    const stepId = `unknown-${index}`;
    paying.code = (ctx) =>
      ctx.perform('charge', {
        inDoubt: 'probe',
        run: () => Promise.reject(new Error('cut')),
        probe: () => {
          const answer = answers[index];
          if (answer instanceof Error) throw answer;
          return answer as never;
        },
      });
    await assert.rejects(paying.pay({ stepId }));
    const question = await questionFrom(paying.pay({ stepId }));
    assert.match(question.findings[0]!.difference, why);
  }
});

test('a call that failed in doubt is asked about also when the code caught the error and went on', async () => {
  paying.code = async (ctx) => {
    await charge(ctx, paying.server.url, 7, 'ask').catch(() => undefined);
    await ctx.files.write('after.txt', 'went on');
    return {};
  };
  paying.server.next('cut-after');
  await paying.doubtFrom(paying.pay());
  assert.equal(existsSync(paying.at('after.txt')), false);
  paying.code = async (ctx) => {
    await charge(ctx, paying.server.url, 8, 'repeat').catch(() => undefined);
    return {};
  };
  paying.server.next('cut-after');
  await assert.rejects(
    paying.pay({ stepId: 'caught' }),
    (error) => isFailure(error, 'step-failed') && error.message.includes('fetch failed'),
  );
});

test('code that catches a call in doubt makes no other call, and records no value, in its place', async () => {
  let values = 0;
  paying.code = async (ctx) => {
    try {
      return await charge(ctx, paying.server.url, 'primary', 'ask');
    } catch {
      await ctx.once('why', () => (values += 1)).catch(() => undefined);
      void charge(ctx, paying.server.url, 'not waited for', 'ask', { name: 'elsewhere' }).catch(() => undefined);
      void ctx.perform('nobody-waits', { run: () => send(paying.server.url, 'nobody', 1) });
      return await charge(ctx, paying.server.url, 'fallback', 'ask', { name: 'fallback' });
    }
  };
  paying.server.next('cut-after');
  const question = await paying.doubtFrom(paying.pay());
  assert.equal(paying.server.requests.length, 1, 'the fallback is not called while the first may have happened');
  assert.equal(values, 0);
  await paying.decide(question, { answer: 'happened', result: 'paid' });
  assert.equal(await paying.pay(), 'paid');
  assert.equal(paying.server.effects(), 1);
  // The same holds for a call that may be repeated, and for calls before it.
  paying.server.next('cut-after');
  paying.code = async (ctx) =>
    await charge(ctx, paying.server.url, 1, 'repeat').catch(() =>
      charge(ctx, paying.server.url, 2, 'ask', { name: 'fallback' }),
    );
  await assert.rejects(paying.pay({ stepId: 'again' }), (error) => isFailure(error, 'step-failed'));
  assert.deepEqual(await paying.pay({ stepId: 'again' }), { effect: 2, of: '1' });
});

test('all calls in doubt of one attempt are one question, answered one by one', async () => {
  paying.code = async (ctx) =>
    await Promise.all(
      ['first', 'second', 'third'].map((name) => charge(ctx, paying.server.url, name, 'ask', { name })),
    );
  paying.server.mode = 'cut-after';
  const question = await questionFrom(paying.pay());
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['perform:pay/first', 'perform:pay/second', 'perform:pay/third'],
  );
  paying.server.mode = 'normal';
  const refused = await paying.job.decide(question, {
    items: { 'perform:pay/first': 'happened', 'perform:pay/second': 'happened', 'perform:pay/third': 'repeat' },
    result: 1,
  });
  assert.match(refused.kind === 'refused' ? refused.problems.join() : '', /result is given once for 2 calls/);
  await paying.decide(question, {
    items: { 'perform:pay/first': 'happened', 'perform:pay/second': 'happened', 'perform:pay/third': 'repeat' },
    results: { 'perform:pay/first': 'one', 'perform:pay/second': null },
  });
  const output = (await paying.pay()) as unknown[];
  assert.deepEqual(output.slice(0, 2), ['one', null]);
  assert.equal(paying.server.effects(), 3);
  assert.equal(paying.server.requests.length, 4);
});

test('a decision holds for the call as it was shown, once', async () => {
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'ask');
  paying.server.next('cut-before', 'cut-after');
  const question = await paying.doubtFrom(paying.pay());
  for (const [decision, why] of [
    [{ answer: 'happened' }, /needs what the call answered/],
    [{ answer: 'repeat', result: 1 }, /a result belongs to a call that happened/],
    [{ answer: 'happened', result: 1, results: { 'perform:pay/other': 2 } }, /perform:pay\/other: a result belongs/],
    [{ items: { 'perform:pay/other': 'repeat' } }, /which the question does not/],
  ] as const) {
    const refused = await paying.job.decide(question, decision as never);
    assert.equal(refused.kind, 'refused');
    assert.match(refused.kind === 'refused' ? refused.problems.join() : '', why);
  }
  await paying.decide(question, { answer: 'repeat' });
  const next = await paying.doubtFrom(paying.pay());
  assert.notEqual(next.digest, question.digest);
  assert.equal(
    (await paying.job.decide(question, { answer: 'happened', result: 1 })).kind,
    'refused',
    'it has been answered',
  );
  await paying.decide(next, { answer: 'recheck' });
  const third = await paying.doubtFrom(paying.pay());
  await paying.decide(third, { answer: 'happened', result: { paid: true } });
  assert.deepEqual(await paying.pay(), { paid: true });
  assert.equal(paying.server.requests.length, 2);
});

test('an answer that comes after all closes the doubt: a decision about it does nothing', async () => {
  paying.code = (ctx) => ctx.perform('charge', { request: 7, run: ({ key }) => send(paying.server.url, key, 7) });
  paying.server.mode = 'slow';
  paying.server.slowMs = 400;
  await assert.rejects(paying.pay({ timeoutMs: 100 }), (error) => isFailure(error, 'step-timeout'));
  // Another attempt asks while the answer is still under way: it has taken the claim, so the late answer is refused.
  const question = await paying.doubtFrom(paying.pay());
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(
    readLedger(paying.job.workspace, (ledger) => ledger.performsInForce(paying.job.jobId, 'pay')[0]?.state),
    'about',
  );
  await paying.decide(question, { answer: 'happened', result: 'as they say' });
  assert.equal(await paying.pay(), 'as they say');
  // While nobody else has taken the claim, the late answer counts.
  await assert.rejects(paying.pay({ stepId: 'late', timeoutMs: 100 }), (error) => isFailure(error, 'step-timeout'));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(await paying.pay({ stepId: 'late' }), { effect: 2, of: '7' });
  // A person was asked already: the decision that comes too late withdraws the question.
  const asked = await questionFrom(paying.pay({ stepId: 'asked', timeoutMs: 100, maxAttempts: 1 }));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(await paying.job.decide(asked, { answer: 'repeat' }), {
    kind: 'world-moved',
    question: asked.digest,
    resources: ['perform:asked/charge'],
  });
  assert.deepEqual(await paying.pay({ stepId: 'asked' }), { effect: 3, of: '7' });
  assert.equal(paying.server.effects(), 3);
});

test('when the attempts of a repeated call are used up, a person is asked about the call', async () => {
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'repeat');
  paying.server.mode = 'cut-after';
  await assert.rejects(paying.pay({ maxAttempts: 2 }));
  const question = await paying.doubtFrom(paying.pay({ maxAttempts: 2 }));
  assert.match(question.findings[0]!.difference, /attempts are used up: .*fetch failed/);
  await paying.decide(question, { answer: 'happened', result: null });
  assert.deepEqual(await paying.pay({ maxAttempts: 2 }), {});
});

test('a step with a call in doubt is asked about before it fails its job, whatever ended its attempts', async () => {
  for (const [stepId, inDoubt, timeoutMs] of [
    ['cut', 'repeat', undefined],
    ['silent', 'ask', 300],
  ] as const) {
    paying.code = (ctx) => charge(ctx, paying.server.url, 7, inDoubt);
    paying.server.next(stepId === 'cut' ? 'cut-after' : 'silent');
    const fail = (): Promise<unknown> =>
      paying.job.run({
        stepId,
        step: 'pay',
        input: {},
        maxAttempts: 1,
        onFailure: 'fail',
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
    const question = await questionFrom(fail());
    assert.equal(question.findings[0]!.kind, 'outcome-unknown', JSON.stringify(question));
    await paying.decide(question, { answer: 'happened', result: 'paid' });
    assert.equal(((await fail()) as { readonly output: Json }).output, 'paid');
  }
  // No call is in doubt, so the step fails.
  paying.code = () => Promise.reject(new Error('no'));
  await assert.rejects(
    paying.job.run({ stepId: 'failing', step: 'pay', input: {}, maxAttempts: 1, onFailure: 'fail' }),
    (error) => isFailure(error, 'step-failed'),
  );
});

test('a call whose answer cannot be recorded has happened: a person says what it answered', async () => {
  for (const [index, answer] of [new Date(0), 'x'.repeat(17 * 1024 * 1024)].entries()) {
    const stepId = `pay-${index}`;
    paying.code = (ctx) => ctx.perform('charge', { inDoubt: 'repeat', run: () => answer as never });
    const question = await questionFrom(paying.pay({ stepId }));
    assert.match(question.findings[0]!.difference, /it happened, but its answer cannot be recorded/);
    await paying.decide(question, { answer: 'happened', result: { at: 0 } });
    assert.deepEqual(await paying.pay({ stepId }), { at: 0 });
  }
  paying.code = (ctx) => ctx.perform('charge', { run: () => undefined as never });
  assert.deepEqual(await paying.pay(), {}, 'a call that answers nothing is no mistake');
});

test('the record of a release names what is in doubt when the job ends', async () => {
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'ask');
  paying.server.next('cut-after');
  const question = await paying.doubtFrom(paying.pay());
  await paying.decide(question, { answer: 'abort' });
  await paying.job.release('aborted');
  const released = chainOf(paying.job.workspace, paying.job.jobId).at(-1);
  assert.ok(released?.kind === 'released');
  assert.match(
    released.notes.join(),
    /step pay: `charge` was begun; whether it happened is not known \(idempotency key [0-9a-f]{64}/,
  );
});
