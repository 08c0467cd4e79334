/** `ctx.perform`, without a Temporal server, against an endpoint that counts: once, known, or asked about. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import { describeEffect } from '../../src/model/record/effect-text.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { Decision } from '../../src/model/question/decision.ts';
import { NotPerformed } from '../../src/model/step/not-performed.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import { CountingServer } from '../support/counting-server.ts';
import { chainOf, decisionsOf, readLedger, stepRecordsOf } from '../support/ledger.ts';
import { charge, send } from '../support/perform-child.ts';

const pay = defineStep({ name: 'pay', input: z.object({ amount: z.number().optional() }), output: z.any() });

let code: (ctx: StepContext, input: { readonly amount?: number | undefined }) => unknown;
let runs: number;
let job: TestJob;
let server: CountingServer;

const steps = (): never =>
  [
    implementStep(pay, async (ctx, input) => {
      runs += 1;
      return (await code(ctx, input)) ?? {};
    }),
  ] as never;

beforeEach(async () => {
  runs = 0;
  server = await CountingServer.start();
  job = openTestJob({ steps: steps() });
});

afterEach(async () => {
  setFaultHook(undefined);
  await job.close();
  await server.close();
});

const at = (place: string): string => join(job.workspace, place);
const doPay = (
  options: {
    readonly stepId?: string;
    readonly maxAttempts?: number;
    readonly timeoutMs?: number;
    readonly approval?: 'before-apply';
  } = {},
): Promise<unknown> => job.step(pay, {}, { stepId: 'pay', ...options });
const CHARGE = 'perform:pay/charge';

async function questionFrom(work: Promise<unknown>): Promise<Question> {
  const outcome = await work.then(
    (output) => `no question but ${JSON.stringify(output)}`,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof QuestionAsked, outcome instanceof Error ? outcome.stack : String(outcome));
  return outcome.question;
}

async function doubtFrom(work: Promise<unknown>, kind: Finding['kind'] = 'outcome-unknown'): Promise<Question> {
  const question = await questionFrom(work);
  assert.equal(question.kind, 'in-doubt', JSON.stringify(question.findings));
  assert.deepEqual(
    question.findings.map((finding) => finding.kind),
    [kind],
  );
  assert.equal(question.findings[0]!.resource, CHARGE);
  return question;
}

async function decided(question: Question, decision: Partial<Decision>): Promise<readonly string[]> {
  const result = await job.decide(question, decision);
  assert.equal(result.kind, 'repaired', JSON.stringify(result));
  return result.kind === 'repaired' ? result.notes : [];
}

const performedIn = (stepId = 'pay'): unknown[] =>
  stepRecordsOf(job.workspace, job.jobId, stepId).flatMap(({ effects }) =>
    effects.flatMap(({ effect, outcome }) =>
      effect.kind === 'perform'
        ? [{ name: effect.name, known: effect.known, generation: effect.generation, outcome }]
        : [],
    ),
  );

test('a call is made once, and its answer comes from the record on a retry of the step', async () => {
  code = async (ctx) => {
    const answer = await charge(ctx, server.url, { amount: 7 }, 'ask');
    if (runs === 1) throw new Error('after the call');
    await ctx.files.write('receipt.json', JSON.stringify(answer));
    return answer;
  };
  await assert.rejects(doPay(), (error) => isFailure(error, 'step-failed'));
  assert.deepEqual(await doPay(), { effect: 1, of: '{"amount":7}' });
  assert.equal(server.requests.length, 1);
  assert.equal(runs, 2);
  assert.deepEqual(performedIn(), [{ name: 'charge', known: 'called', generation: 0, outcome: 'applied' }]);
  const [record] = stepRecordsOf(job.workspace, job.jobId, 'pay');
  assert.equal(describeEffect(record!.effects[0]!.effect), 'called charge: {"amount":7}');
  assert.deepEqual(
    record!.effects.map(({ effect }) => effect.kind),
    ['perform', 'file.write'],
  );
});

test('a call adds at most two ledger commits, whatever comes of it', async () => {
  const commitsOf = async (stepId: string, work: (ctx: StepContext) => Promise<Json>): Promise<number> => {
    code = work;
    let commits = 0;
    setFaultHook((point) => void (commits += point === 'ledger-commit.after' ? 1 : 0));
    await doPay({ stepId }).catch((error: unknown) => assert.ok(isFailure(error, 'step-failed'), String(error)));
    setFaultHook(undefined);
    return commits;
  };
  await commitsOf('warm', async () => await Promise.resolve(1));
  const [without, failing] = [
    await commitsOf('without', async () => await Promise.resolve(1)),
    await commitsOf('failing', async () => await Promise.reject(new Error('no'))),
  ];
  assert.equal((await commitsOf('with', (ctx) => charge(ctx, server.url, 1, 'ask'))) - without, 2);
  assert.equal((await commitsOf('refused', (ctx) => charge(ctx, server.url, 1, 'ask', { refuse: true }))) - failing, 2);
  server.next('cut-after');
  assert.ok((await commitsOf('cut', (ctx) => charge(ctx, server.url, 1, 'repeat'))) - failing <= 2);
});

test('that a call is about to be made is durable before it, its answer before the code has it', async () => {
  const seen: string[] = [];
  const state = (): string | undefined =>
    readLedger(job.workspace, (ledger) => ledger.performsInForce(job.jobId, 'pay')[0]?.state);
  code = async (ctx) => {
    const answer = await ctx.perform('charge', {
      run: () => {
        seen.push(`in the call: ${state()}`);
        return 'paid';
      },
    });
    seen.push(`after it: ${state()}`);
    return answer;
  };
  assert.equal(await doPay(), 'paid');
  assert.deepEqual(seen, ['in the call: about', 'after it: done']);
});

test('a connection that is cut leaves it in doubt: a person is asked at once, and sees what was about to be sent', async () => {
  for (const [mode, answer] of [
    ['cut-after', 'happened'],
    ['cut-before', 'repeat'],
  ] as const) {
    const stepId = `pay-${mode}`;
    code = (ctx) => charge(ctx, server.url, { to: 'Ada', amount: 7 }, 'ask');
    server.next(mode);
    const question = await questionFrom(doPay({ stepId }));
    const [finding] = question.findings;
    assert.equal(finding!.resource, `perform:${stepId}/charge`);
    assert.match(finding!.difference, /"to": "Ada"/);
    assert.match(finding!.difference, /the call failed and does not say that nothing happened: .*fetch failed/);
    const { key } = server.requests.at(-1)!;
    assert.ok(finding!.difference.includes(`idempotency key: ${key}`));
    assert.deepEqual(finding!.answers, ['happened', 'repeat', 'recheck', 'abort']);
    assert.equal(question.stepId, stepId);
    const told = { effect: 1, of: 'as their log says' };
    await decided(question, { answer, ...(answer === 'happened' ? { result: told } : {}) });
    const output = await doPay({ stepId });
    assert.equal(server.effects(key), 1, `${mode}: once`);
    assert.deepEqual(server.requests.filter((request) => request.key === key).length, answer === 'repeat' ? 2 : 1);
    if (answer === 'happened') assert.deepEqual(output, told);
    else assert.deepEqual(output, server.answerOf(key!));
    assert.deepEqual(performedIn(stepId), [
      { name: 'charge', known: answer === 'happened' ? 'told' : 'called', generation: 0, outcome: 'applied' },
    ]);
  }
  const [record] = decisionsOf(job.workspace, job.jobId);
  assert.deepEqual(record!.answers, { 'perform:pay-cut-after/charge': 'happened' });
  assert.deepEqual(record!.results, { 'perform:pay-cut-after/charge': { effect: 1, of: 'as their log says' } });
});

test('a call in doubt holds back its own step only', async () => {
  code = (ctx) => charge(ctx, server.url, 7, 'ask');
  server.next('cut-after');
  const question = await doubtFrom(doPay());
  await job.step(fileWriteStep, { path: 'meanwhile.txt', content: 'written' }, { stepId: 'meanwhile' });
  assert.equal(readFileSync(at('meanwhile.txt'), 'utf8'), 'written');
  assert.equal(
    (await doubtFrom(doPay())).digest,
    question.digest,
    'its own is asked the same, and makes no second call',
  );
  assert.equal(server.requests.length, 1);
});

test('repeat: a call whose outcome nobody knows is made again under its key, and has happened once', async () => {
  code = (ctx) => charge(ctx, server.url, 7, 'repeat');
  server.next('cut-after', 'cut-before');
  for (const _ of [1, 2]) await assert.rejects(doPay(), (error) => isFailure(error, 'step-failed'));
  await doPay();
  assert.equal(server.requests.length, 3);
  assert.equal(server.keys.length, 1, 'the same key each time');
  assert.equal(server.effects(), 1);
});

test('repeat: run is told that it may have happened already; a first call is none', async () => {
  const told: [string, boolean][] = [];
  code = (ctx) =>
    ctx.perform('charge', {
      inDoubt: 'repeat',
      run: ({ key, isRepeat }) => {
        told.push([key, isRepeat]);
        if (told.length === 1) throw new Error('who knows');
        return null;
      },
    });
  await assert.rejects(doPay());
  await doPay();
  assert.deepEqual(
    told.map(([, isRepeat]) => isRepeat),
    [false, true],
  );
  assert.equal(told[0]![0], told[1]![0]);
});

test('probe: what has happened is recorded, what has not is made, and what cannot be found out is asked', async () => {
  code = (ctx) => charge(ctx, server.url, 7, 'probe');
  server.honoursKeys = false;
  server.next('cut-after');
  await assert.rejects(doPay(), (error) => isFailure(error, 'step-failed'));
  assert.deepEqual(await doPay(), { effect: 1, of: '7' });
  assert.deepEqual([server.requests.length, server.effects()], [1, 1]);
  assert.deepEqual(performedIn(), [{ name: 'charge', known: 'probed', generation: 0, outcome: 'applied' }]);

  server.next('cut-before');
  await assert.rejects(doPay({ stepId: 'second' }));
  await doPay({ stepId: 'second' });
  assert.deepEqual([server.requests.length, server.effects()], [3, 2]);

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
    code = (ctx) =>
      ctx.perform('charge', {
        inDoubt: 'probe',
        run: () => Promise.reject(new Error('cut')),
        probe: () => {
          const answer = answers[index];
          if (answer instanceof Error) throw answer;
          return answer as never;
        },
      });
    await assert.rejects(doPay({ stepId }));
    const question = await questionFrom(doPay({ stepId }));
    assert.match(question.findings[0]!.difference, why);
  }
});

test('what certainly did not happen is in doubt nowhere: the step fails as usual, and the next attempt makes it', async () => {
  code = (ctx) => charge(ctx, server.url, 7, 'ask');
  server.next('too-many', 'unavailable');
  for (const answered of [429, 503])
    await assert.rejects(
      doPay({ maxAttempts: 5 }),
      (error) => isFailure(error, 'step-failed') && error.message.includes(String(answered)),
    );
  assert.equal(
    readLedger(job.workspace, (ledger) => ledger.performsInForce(job.jobId, 'pay')[0]?.state),
    'withdrawn',
  );
  await doPay();
  assert.equal(server.effects(), 1);
  assert.equal(server.keys.length, 1);
});

test('what is not made takes nothing back of an earlier call that may have happened', async () => {
  code = (ctx) => charge(ctx, server.url, 7, runs === 3 ? 'ask' : 'repeat');
  server.next('cut-after', 'unavailable');
  await assert.rejects(doPay({ maxAttempts: 9 }));
  await assert.rejects(doPay({ maxAttempts: 9 }), /503/);
  await doubtFrom(doPay({ maxAttempts: 9 }));
});

test('a retry that would send something else than what was sent is asked about, never sent, never answered on a guess', async () => {
  code = async (ctx) => {
    await charge(ctx, server.url, { amount: runs }, 'repeat');
    if (runs === 1) throw new Error('after the call');
    return {};
  };
  await assert.rejects(doPay());
  const question = await doubtFrom(doPay(), 'performed-otherwise');
  assert.match(
    question.findings[0]!.difference,
    /what was sent:\n\{\n {2}"amount": 1\n\}\nwhat the step asks for now:\n\{\n {2}"amount": 2/,
  );
  assert.equal(server.requests.length, 1);
  // The third run asks for a third thing: what was decided was not about that.
  await decided(question, { answer: 'happened' });
  const next = await doubtFrom(doPay(), 'performed-otherwise');
  code = (ctx) => charge(ctx, server.url, { amount: 3 }, 'repeat');
  await decided(next, { answer: 'repeat' });
  await doPay();
  assert.deepEqual(
    server.requests.map(({ body }) => body),
    ['{"amount":1}', '{"amount":3}'],
  );
  assert.equal(server.keys.length, 2, 'made anew, under a key of its own');
});

test('happened for a call that the step now words otherwise: it goes on with the recorded answer', async () => {
  code = async (ctx) => {
    const answer = await charge(ctx, server.url, { amount: runs === 1 ? 1 : 2 }, 'ask');
    if (runs === 1) throw new Error('after the call');
    return answer;
  };
  await assert.rejects(doPay());
  const question = await doubtFrom(doPay(), 'performed-otherwise');
  await decided(question, { answer: 'happened' });
  assert.deepEqual(await doPay(), { effect: 1, of: '{"amount":1}' });
  assert.equal(server.requests.length, 1);
  assert.equal(
    describeEffect(stepRecordsOf(job.workspace, job.jobId, 'pay')[0]!.effects[0]!.effect),
    'called charge: {"amount":1}',
    'the record says what was sent',
  );
});

test('what was computed from an answer is computed again when the call is made anew; what came before it stays', async () => {
  const computed: string[] = [];
  code = async (ctx) => {
    const before = await ctx.once('before', () => computed.push('before'));
    const { effect } = (await charge(ctx, server.url, runs, 'ask')) as { readonly effect: number };
    const derived = await ctx.once('derived', () => {
      computed.push(`derived ${effect}`);
      return effect;
    });
    if (runs === 1) throw new Error('after it');
    return { before, effect, derived };
  };
  await assert.rejects(doPay());
  const question = await doubtFrom(doPay(), 'performed-otherwise');
  runs = 1;
  await decided(question, { answer: 'repeat' });
  assert.deepEqual(await doPay(), { before: 1, effect: 2, derived: 2 });
  assert.deepEqual(computed, ['before', 'derived 1', 'derived 2']);
});

test('a call that was made on what has changed since is asked about', async () => {
  writeFileSync(at('input.txt'), 'first');
  code = async (ctx) => {
    await ctx.files.readText('input.txt');
    await charge(ctx, server.url, 7, 'ask');
    if (runs === 1) throw new Error('after the call');
    return {};
  };
  await assert.rejects(doPay());
  writeFileSync(at('input.txt'), 'second');
  const question = await doubtFrom(doPay(), 'performed-otherwise');
  await decided(question, { answer: 'happened' });
  await doPay();
  assert.equal(server.requests.length, 1);
});

test('a call that is made and not asked for any more does not get lost: a person is asked before the step is recorded', async () => {
  code = async (ctx) => {
    if (runs > 1) return {};
    await charge(ctx, server.url, 7, 'ask');
    throw new Error('after the call');
  };
  await assert.rejects(doPay());
  const question = await doubtFrom(doPay(), 'performed-and-not-asked-for');
  assert.deepEqual(question.findings[0]!.answers, ['happened', 'recheck', 'abort']);
  await decided(question, { answer: 'happened' });
  await doPay();
  assert.deepEqual(performedIn(), [{ name: 'charge', known: 'called', generation: 0, outcome: 'applied' }]);
});

test('a call that failed in doubt is asked about also when the code caught the error and went on', async () => {
  code = async (ctx) => {
    await charge(ctx, server.url, 7, 'ask').catch(() => undefined);
    await ctx.files.write('after.txt', 'went on');
    return {};
  };
  server.next('cut-after');
  await doubtFrom(doPay());
  assert.equal(existsSync(at('after.txt')), false);
  code = async (ctx) => {
    await charge(ctx, server.url, 8, 'repeat').catch(() => undefined);
    return {};
  };
  server.next('cut-after');
  await assert.rejects(
    doPay({ stepId: 'caught' }),
    (error) => isFailure(error, 'step-failed') && error.message.includes('fetch failed'),
  );
});

test('code that catches a call in doubt makes no other call, and records no value, in its place', async () => {
  let values = 0;
  code = async (ctx) => {
    try {
      return await charge(ctx, server.url, 'primary', 'ask');
    } catch {
      await ctx.once('why', () => (values += 1)).catch(() => undefined);
      void charge(ctx, server.url, 'not waited for', 'ask', { name: 'elsewhere' }).catch(() => undefined);
      void ctx.perform('nobody-waits', { run: () => send(server.url, 'nobody', 1) });
      return await charge(ctx, server.url, 'fallback', 'ask', { name: 'fallback' });
    }
  };
  server.next('cut-after');
  const question = await doubtFrom(doPay());
  assert.equal(server.requests.length, 1, 'the fallback is not called while the first may have happened');
  assert.equal(values, 0);
  await decided(question, { answer: 'happened', result: 'paid' });
  assert.equal(await doPay(), 'paid');
  assert.equal(server.effects(), 1);
  // The same where the call may be repeated, and for what came before it.
  server.next('cut-after');
  code = async (ctx) =>
    await charge(ctx, server.url, 1, 'repeat').catch(() => charge(ctx, server.url, 2, 'ask', { name: 'fallback' }));
  await assert.rejects(doPay({ stepId: 'again' }), (error) => isFailure(error, 'step-failed'));
  assert.deepEqual(await doPay({ stepId: 'again' }), { effect: 2, of: '1' });
});

test('all calls in doubt of one attempt are one question, answered one by one', async () => {
  code = async (ctx) =>
    await Promise.all(['first', 'second', 'third'].map((name) => charge(ctx, server.url, name, 'ask', { name })));
  server.mode = 'cut-after';
  const question = await questionFrom(doPay());
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['perform:pay/first', 'perform:pay/second', 'perform:pay/third'],
  );
  server.mode = 'normal';
  const refused = await job.decide(question, {
    items: { 'perform:pay/first': 'happened', 'perform:pay/second': 'happened', 'perform:pay/third': 'repeat' },
    result: 1,
  });
  assert.match(refused.kind === 'refused' ? refused.problems.join() : '', /result is given once for 2 calls/);
  await decided(question, {
    items: { 'perform:pay/first': 'happened', 'perform:pay/second': 'happened', 'perform:pay/third': 'repeat' },
    results: { 'perform:pay/first': 'one', 'perform:pay/second': null },
  });
  const output = (await doPay()) as unknown[];
  assert.deepEqual(output.slice(0, 2), ['one', null]);
  assert.equal(server.effects(), 3);
  assert.equal(server.requests.length, 4);
});

test('a decision holds for the call as it was shown, once', async () => {
  code = (ctx) => charge(ctx, server.url, 7, 'ask');
  server.next('cut-before', 'cut-after');
  const question = await doubtFrom(doPay());
  for (const [decision, why] of [
    [{ answer: 'happened' }, /needs what the call answered/],
    [{ answer: 'repeat', result: 1 }, /a result belongs to a call that happened/],
    [{ answer: 'happened', result: 1, results: { 'perform:pay/other': 2 } }, /perform:pay\/other: a result belongs/],
    [{ items: { 'perform:pay/other': 'repeat' } }, /which the question does not/],
  ] as const) {
    const refused = await job.decide(question, decision as never);
    assert.equal(refused.kind, 'refused');
    assert.match(refused.kind === 'refused' ? refused.problems.join() : '', why);
  }
  await decided(question, { answer: 'repeat' });
  const next = await doubtFrom(doPay());
  assert.notEqual(next.digest, question.digest);
  assert.equal((await job.decide(question, { answer: 'happened', result: 1 })).kind, 'refused', 'it has been answered');
  await decided(next, { answer: 'recheck' });
  const third = await doubtFrom(doPay());
  await decided(third, { answer: 'happened', result: { paid: true } });
  assert.deepEqual(await doPay(), { paid: true });
  assert.equal(server.requests.length, 2);
});

test('an answer that comes after all closes the doubt: a decision about it does nothing', async () => {
  code = (ctx) => ctx.perform('charge', { request: 7, run: ({ key }) => send(server.url, key, 7) });
  server.mode = 'slow';
  server.slowMs = 400;
  await assert.rejects(doPay({ timeoutMs: 100 }), (error) => isFailure(error, 'step-timeout'));
  // Another attempt asks while the answer is still under way: it has taken the claim, so the late one is refused.
  const question = await doubtFrom(doPay());
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(
    readLedger(job.workspace, (ledger) => ledger.performsInForce(job.jobId, 'pay')[0]?.state),
    'about',
  );
  await decided(question, { answer: 'happened', result: 'as they say' });
  assert.equal(await doPay(), 'as they say');
  // Where nobody has taken the claim, the late answer counts.
  await assert.rejects(doPay({ stepId: 'late', timeoutMs: 100 }), (error) => isFailure(error, 'step-timeout'));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(await doPay({ stepId: 'late' }), { effect: 2, of: '7' });
  // It is asked about already: the question is withdrawn by the decision that comes too late.
  const asked = await questionFrom(doPay({ stepId: 'asked', timeoutMs: 100, maxAttempts: 1 }));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(await job.decide(asked, { answer: 'repeat' }), {
    kind: 'world-moved',
    question: asked.digest,
    resources: ['perform:asked/charge'],
  });
  assert.deepEqual(await doPay({ stepId: 'asked' }), { effect: 3, of: '7' });
  assert.equal(server.effects(), 3);
});

test('when the attempts of a repeated call are used up, a person is asked about the call', async () => {
  code = (ctx) => charge(ctx, server.url, 7, 'repeat');
  server.mode = 'cut-after';
  await assert.rejects(doPay({ maxAttempts: 2 }));
  const question = await doubtFrom(doPay({ maxAttempts: 2 }));
  assert.match(question.findings[0]!.difference, /attempts are used up: .*fetch failed/);
  await decided(question, { answer: 'happened', result: null });
  assert.deepEqual(await doPay({ maxAttempts: 2 }), {});
});

test('a step that fails its job is asked about first where a call of it is in doubt, whatever ended its attempts', async () => {
  for (const [stepId, inDoubt, timeoutMs] of [
    ['cut', 'repeat', undefined],
    ['silent', 'ask', 300],
  ] as const) {
    code = (ctx) => charge(ctx, server.url, 7, inDoubt);
    server.next(stepId === 'cut' ? 'cut-after' : 'silent');
    const fail = (): Promise<unknown> =>
      job.run({
        stepId,
        step: 'pay',
        input: {},
        maxAttempts: 1,
        onFailure: 'fail',
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
    const question = await questionFrom(fail());
    assert.equal(question.findings[0]!.kind, 'outcome-unknown', JSON.stringify(question));
    await decided(question, { answer: 'happened', result: 'paid' });
    assert.equal(((await fail()) as { readonly output: Json }).output, 'paid');
  }
  // Nothing is in doubt: it fails.
  code = () => Promise.reject(new Error('no'));
  await assert.rejects(
    job.run({ stepId: 'failing', step: 'pay', input: {}, maxAttempts: 1, onFailure: 'fail' }),
    (error) => isFailure(error, 'step-failed'),
  );
});

test('a call whose answer cannot be recorded has happened: a person says what it answered', async () => {
  for (const [index, answer] of [new Date(0), 'x'.repeat(17 * 1024 * 1024)].entries()) {
    const stepId = `pay-${index}`;
    code = (ctx) => ctx.perform('charge', { inDoubt: 'repeat', run: () => answer as never });
    const question = await questionFrom(doPay({ stepId }));
    assert.match(question.findings[0]!.difference, /it happened, but its answer cannot be recorded/);
    await decided(question, { answer: 'happened', result: { at: 0 } });
    assert.deepEqual(await doPay({ stepId }), { at: 0 });
  }
  code = (ctx) => ctx.perform('charge', { run: () => undefined as never });
  assert.deepEqual(await doPay(), {}, 'a call that answers nothing is no mistake');
});

test('a step that runs again keeps the answer of the same call; a decision can name it to be made anew', async () => {
  writeFileSync(at('input.txt'), 'first');
  code = async (ctx) => {
    await ctx.files.write('copy.txt', await ctx.files.readText('input.txt'));
    return await charge(ctx, server.url, 7, 'ask');
  };
  await doPay();
  const rerun = async (items?: Decision['items']): Promise<readonly string[]> => {
    writeFileSync(at('input.txt'), `edited ${runs}`);
    const result = await job.verify();
    assert.equal(result.kind, 'question');
    const { question } = result as { readonly question: Question };
    assert.deepEqual(
      question.findings.map(({ keeps }) => keeps),
      [[CHARGE]],
    );
    return await decided(question, { answer: 'rerun', ...(items === undefined ? {} : { items }) });
  };
  assert.match((await rerun()).join(), /cannot be undone; its recorded answer is kept/);
  assert.deepEqual(await doPay(), { effect: 1, of: '7' });
  assert.equal(readFileSync(at('copy.txt'), 'utf8'), 'edited 1');
  assert.equal(server.requests.length, 1);
  assert.match((await rerun({ [CHARGE]: 'repeat' })).join(), /made again, as decided/);
  assert.deepEqual(await doPay(), { effect: 2, of: '7' });
  assert.equal(server.keys.length, 2);
  await rerun();
  assert.deepEqual(await doPay(), { effect: 2, of: '7' }, 'the latest counts');
  assert.deepEqual(
    performedIn().map((effect) => (effect as { outcome: string }).outcome),
    ['applied', 'kept', 'applied', 'kept'],
  );
  assert.deepEqual(decisionsOf(job.workspace, job.jobId)[1]!.again, [CHARGE]);
});

test('a step that runs again and words its call otherwise is asked about', async () => {
  writeFileSync(at('input.txt'), 'first');
  code = async (ctx) => await charge(ctx, server.url, await ctx.files.readText('input.txt'), 'ask');
  await doPay();
  writeFileSync(at('input.txt'), 'second');
  const { question } = (await job.verify()) as { readonly question: Question };
  const refused = await job.decide(question, { answer: 'rerun', items: { [CHARGE]: 'happened' } });
  assert.match(
    refused.kind === 'refused' ? refused.problems.join() : '',
    /happened is not offered for perform:pay\/charge/,
  );
  const beside = await job.decide(question, { answer: 'accept', items: { [CHARGE]: 'repeat' } });
  assert.match(beside.kind === 'refused' ? beside.problems.join() : '', /holds only where its step runs again/);
  await decided(question, { answer: 'rerun' });
  const asked = await doubtFrom(doPay(), 'performed-otherwise');
  assert.equal(server.requests.length, 1);
  await decided(asked, { answer: 'repeat' });
  assert.deepEqual(await doPay(), { effect: 2, of: '"second"' });
});

test('a doubt outlives a rerun of its step: it is asked about, under the key that was sent', async () => {
  code = (ctx) => charge(ctx, server.url, 7, 'repeat');
  server.next('cut-after');
  await assert.rejects(doPay());
  code = () => {
    throw new TypeError('a mistake in the code');
  };
  for (const _ of [1]) await assert.rejects(doPay({ maxAttempts: 3 }));
  const asked = await questionFrom(doPay({ maxAttempts: 3 }));
  assert.equal(asked.kind, 'in-doubt', 'what is in doubt goes before what is stuck');
  await decided(asked, { answer: 'repeat' });
  const stuck = await questionFrom(doPay({ maxAttempts: 1 }));
  assert.equal(stuck.kind, 'stuck');
  assert.deepEqual(stuck.findings[0]!.keeps, [CHARGE]);
  await decided(stuck, { answer: 'rerun' });
  code = (ctx) => charge(ctx, server.url, 7, 'ask');
  await doPay();
  assert.deepEqual([server.requests.length, server.keys.length, server.effects()], [2, 1, 1]);
});

test('an approval shows what was called already, and a rejected draft does not call it again', async () => {
  code = async (ctx) => {
    await ctx.files.write('receipt.json', JSON.stringify(await charge(ctx, server.url, 7, 'ask')));
    return {};
  };
  const question = await questionFrom(doPay({ approval: 'before-apply' }));
  assert.match(question.findings[0]!.difference, /called charge: 7\n\(done already/);
  assert.match(question.findings[0]!.expected.text, /an approval of 1 change/);
  await decided(question, { answer: 'reject', reason: 'too much' });
  const again = await questionFrom(doPay({ approval: 'before-apply' }));
  await decided(again, { answer: 'approve' });
  await doPay({ approval: 'before-apply' });
  assert.equal(server.requests.length, 1);
});

test('the record of a release names what is in doubt when the job ends', async () => {
  code = (ctx) => charge(ctx, server.url, 7, 'ask');
  server.next('cut-after');
  const question = await doubtFrom(doPay());
  await decided(question, { answer: 'abort' });
  await job.release('aborted');
  const released = chainOf(job.workspace, job.jobId).at(-1);
  assert.ok(released?.kind === 'released');
  assert.match(
    released.notes.join(),
    /step pay: `charge` was begun; whether it happened is not known \(idempotency key [0-9a-f]{64}/,
  );
});

test('nothing is called while a question about the world is open, nor after its attempt has ended', async () => {
  await job.step(fileWriteStep, { path: 'seed.txt', content: 'seed' }, { stepId: 'seed' });
  code = async (ctx) => {
    // Somebody edits a file of the record while the step runs; another step is asked about it first.
    writeFileSync(at('seed.txt'), 'edited');
    assert.equal((await job.verify()).kind, 'question');
    await charge(ctx, server.url, 7, 'ask');
  };
  const question = await questionFrom(doPay());
  assert.equal(question.kind, 'discrepancy');
  assert.equal(server.requests.length, 0);
  await decided(question, { answer: 'restore' });
  let late: Promise<unknown> = Promise.resolve();
  code = (ctx) => {
    late = new Promise((resolve) => setTimeout(resolve, 50))
      .then(() => charge(ctx, server.url, 7, 'ask'))
      .catch((error: unknown) => error);
    return {};
  };
  await doPay();
  assert.ok(isFailure(await late, 'fenced'));
  assert.equal(server.requests.length, 0);
});

test('what the code does not wait for is waited for', async () => {
  server.mode = 'slow';
  code = (ctx) => {
    void charge(ctx, server.url, 7, 'ask');
    return {};
  };
  await doPay();
  assert.deepEqual(performedIn(), [{ name: 'charge', known: 'called', generation: 0, outcome: 'applied' }]);
});

test('a name is used once in a step, and is one that a person can type', async () => {
  code = async (ctx) => {
    await ctx.once('charge', () => 1);
    await charge(ctx, server.url, 7, 'ask');
  };
  assert.match((await questionFrom(doPay())).findings[0]!.found.text, /once-name-twice/);
  for (const name of ['', 'a=b', 'x'.repeat(101), 'two words']) {
    code = (ctx) => charge(ctx, server.url, 7, 'ask', { name });
    assert.match((await questionFrom(doPay({ stepId: `named-${name.length}` }))).findings[0]!.found.text, /bad-input/);
  }
  code = (ctx) => ctx.perform('charge', { inDoubt: 'probe', run: () => 1 });
  assert.match((await questionFrom(doPay({ stepId: 'no-probe' }))).findings[0]!.found.text, /has no probe/);
  assert.equal(server.requests.length, 0);
});

test('NotPerformed of another copy of this package counts, too', async () => {
  class Copied extends Error {
    readonly [key: symbol]: unknown;
    constructor() {
      super('copied');
      Object.defineProperty(this, Symbol.for('holdfast.not-performed'), { value: true });
    }
  }
  for (const [index, error] of [new Copied(), new NotPerformed('ours')].entries()) {
    code = (ctx) => ctx.perform('charge', { run: () => Promise.reject(error) });
    await assert.rejects(doPay({ stepId: `refused-${index}` }), (failure) => isFailure(failure, 'step-failed'));
  }
});
