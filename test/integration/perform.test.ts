/** `ctx.perform`, without a Temporal server, against an endpoint that counts: once, recorded, or asked about. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { Decision } from '../../src/model/question/decision.ts';
import type { Question } from '../../src/model/question/question.ts';
import { describeEffect } from '../../src/model/record/effect-text.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { NotPerformed } from '../../src/model/step/not-performed.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { decisionsOf, readLedger, stepRecordsOf } from '../support/ledger.ts';
import { CHARGE, testPayingJob } from '../support/paying-job.ts';
import { charge } from '../support/perform-child.ts';
import { questionFrom } from '../support/questions.ts';

const paying = testPayingJob();

test('a call is made once, and its answer comes from the record on a retry of the step', async () => {
  paying.code = async (ctx) => {
    const answer = await charge(ctx, paying.server.url, { amount: 7 }, 'ask');
    if (paying.runs === 1) throw new Error('after the call');
    await ctx.files.write('receipt.json', JSON.stringify(answer));
    return answer;
  };
  await assert.rejects(paying.pay(), (error) => isFailure(error, 'step-failed'));
  assert.deepEqual(await paying.pay(), { effect: 1, of: '{"amount":7}' });
  assert.equal(paying.server.requests.length, 1);
  assert.equal(paying.runs, 2);
  assert.deepEqual(paying.performedIn(), [{ name: 'charge', known: 'called', generation: 0, outcome: 'applied' }]);
  const [record] = stepRecordsOf(paying.job.workspace, paying.job.jobId, 'pay');
  assert.equal(describeEffect(record!.effects[0]!.effect), 'called charge: {"amount":7}');
  assert.deepEqual(
    record!.effects.map(({ effect }) => effect.kind),
    ['perform', 'file.write'],
  );
});

test('a call adds at most two ledger commits, whatever comes of it', async () => {
  const commitsOf = async (stepId: string, work: (ctx: StepContext) => Promise<Json>): Promise<number> => {
    paying.code = work;
    let commits = 0;
    setFaultHook((point) => void (commits += point === 'ledger-commit.after' ? 1 : 0));
    await paying.pay({ stepId }).catch((error: unknown) => assert.ok(isFailure(error, 'step-failed'), String(error)));
    setFaultHook(undefined);
    return commits;
  };
  await commitsOf('warm', async () => await Promise.resolve(1));
  const [without, failing] = [
    await commitsOf('without', async () => await Promise.resolve(1)),
    await commitsOf('failing', async () => await Promise.reject(new Error('no'))),
  ];
  assert.equal((await commitsOf('with', (ctx) => charge(ctx, paying.server.url, 1, 'ask'))) - without, 2);
  assert.equal(
    (await commitsOf('refused', (ctx) => charge(ctx, paying.server.url, 1, 'ask', { refuse: true }))) - failing,
    2,
  );
  paying.server.next('cut-after');
  assert.ok((await commitsOf('cut', (ctx) => charge(ctx, paying.server.url, 1, 'repeat'))) - failing <= 2);
});

test('that a call is about to be made is durable before it, its answer before the code has it', async () => {
  const seen: string[] = [];
  const state = (): string | undefined =>
    readLedger(paying.job.workspace, (ledger) => ledger.performsInForce(paying.job.jobId, 'pay')[0]?.state);
  paying.code = async (ctx) => {
    const answer = await ctx.perform('charge', {
      run: () => {
        seen.push(`in the call: ${state()}`);
        return 'paid';
      },
    });
    seen.push(`after it: ${state()}`);
    return answer;
  };
  assert.equal(await paying.pay(), 'paid');
  assert.deepEqual(seen, ['in the call: about', 'after it: done']);
});

test('a call that certainly did not happen is not in doubt: the step fails, its next attempt makes it', async () => {
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'ask');
  paying.server.next('too-many', 'unavailable');
  for (const answered of [429, 503])
    await assert.rejects(
      paying.pay({ maxAttempts: 5 }),
      (error) => isFailure(error, 'step-failed') && error.message.includes(String(answered)),
    );
  assert.equal(
    readLedger(paying.job.workspace, (ledger) => ledger.performsInForce(paying.job.jobId, 'pay')[0]?.state),
    'withdrawn',
  );
  await paying.pay();
  assert.equal(paying.server.effects(), 1);
  assert.equal(paying.server.keys.length, 1);
});

test('what is not made takes nothing back of an earlier call that may have happened', async () => {
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, paying.runs === 3 ? 'ask' : 'repeat');
  paying.server.next('cut-after', 'unavailable');
  await assert.rejects(paying.pay({ maxAttempts: 9 }));
  await assert.rejects(paying.pay({ maxAttempts: 9 }), /503/);
  await paying.doubtFrom(paying.pay({ maxAttempts: 9 }));
});

test('a retry that would send something else is asked about: it is never sent, nor answered on a guess', async () => {
  paying.code = async (ctx) => {
    await charge(ctx, paying.server.url, { amount: paying.runs }, 'repeat');
    if (paying.runs === 1) throw new Error('after the call');
    return {};
  };
  await assert.rejects(paying.pay());
  const question = await paying.doubtFrom(paying.pay(), 'performed-otherwise');
  assert.match(
    question.findings[0]!.difference,
    /what was sent:\n\{\n {2}"amount": 1\n\}\nwhat the step requests now:\n\{\n {2}"amount": 2/,
  );
  assert.equal(paying.server.requests.length, 1);
  // The third run requests a third amount, which the decision was not about.
  await paying.decide(question, { answer: 'happened' });
  const next = await paying.doubtFrom(paying.pay(), 'performed-otherwise');
  paying.code = (ctx) => charge(ctx, paying.server.url, { amount: 3 }, 'repeat');
  await paying.decide(next, { answer: 'repeat' });
  await paying.pay();
  assert.deepEqual(
    paying.server.requests.map(({ body }) => body),
    ['{"amount":1}', '{"amount":3}'],
  );
  assert.equal(paying.server.keys.length, 2, 'made anew, under a key of its own');
});

test('happened for a call that the step now words otherwise: it goes on with the recorded answer', async () => {
  paying.code = async (ctx) => {
    const answer = await charge(ctx, paying.server.url, { amount: paying.runs === 1 ? 1 : 2 }, 'ask');
    if (paying.runs === 1) throw new Error('after the call');
    return answer;
  };
  await assert.rejects(paying.pay());
  const question = await paying.doubtFrom(paying.pay(), 'performed-otherwise');
  await paying.decide(question, { answer: 'happened' });
  assert.deepEqual(await paying.pay(), { effect: 1, of: '{"amount":1}' });
  assert.equal(paying.server.requests.length, 1);
  assert.equal(
    describeEffect(stepRecordsOf(paying.job.workspace, paying.job.jobId, 'pay')[0]!.effects[0]!.effect),
    'called charge: {"amount":1}',
    'the record says what was sent',
  );
});

test('when a call is made anew, what was computed from its answer is computed again, and nothing earlier', async () => {
  const computed: string[] = [];
  paying.code = async (ctx) => {
    const before = await ctx.once('before', () => computed.push('before'));
    const { effect } = (await charge(ctx, paying.server.url, paying.runs, 'ask')) as { readonly effect: number };
    const derived = await ctx.once('derived', () => {
      computed.push(`derived ${effect}`);
      return effect;
    });
    if (paying.runs === 1) throw new Error('after it');
    return { before, effect, derived };
  };
  await assert.rejects(paying.pay());
  const question = await paying.doubtFrom(paying.pay(), 'performed-otherwise');
  paying.runs = 1;
  await paying.decide(question, { answer: 'repeat' });
  assert.deepEqual(await paying.pay(), { before: 1, effect: 2, derived: 2 });
  assert.deepEqual(computed, ['before', 'derived 1', 'derived 2']);
});

test('a call that was made on what has changed since is asked about', async () => {
  writeFileSync(paying.at('input.txt'), 'first');
  paying.code = async (ctx) => {
    await ctx.files.readText('input.txt');
    await charge(ctx, paying.server.url, 7, 'ask');
    if (paying.runs === 1) throw new Error('after the call');
    return {};
  };
  await assert.rejects(paying.pay());
  writeFileSync(paying.at('input.txt'), 'second');
  const question = await paying.doubtFrom(paying.pay(), 'performed-otherwise');
  await paying.decide(question, { answer: 'happened' });
  await paying.pay();
  assert.equal(paying.server.requests.length, 1);
});

test('a call that was made and is not requested any more is asked about before the step is recorded', async () => {
  paying.code = async (ctx) => {
    if (paying.runs > 1) return {};
    await charge(ctx, paying.server.url, 7, 'ask');
    throw new Error('after the call');
  };
  await assert.rejects(paying.pay());
  const question = await paying.doubtFrom(paying.pay(), 'performed-and-not-asked-for');
  assert.deepEqual(question.findings[0]!.answers, ['happened', 'recheck', 'abort']);
  await paying.decide(question, { answer: 'happened' });
  await paying.pay();
  assert.deepEqual(paying.performedIn(), [{ name: 'charge', known: 'called', generation: 0, outcome: 'applied' }]);
});

test('a step that runs again keeps the answer of the same call; a decision can name it to be made anew', async () => {
  writeFileSync(paying.at('input.txt'), 'first');
  paying.code = async (ctx) => {
    await ctx.files.write('copy.txt', await ctx.files.readText('input.txt'));
    return await charge(ctx, paying.server.url, 7, 'ask');
  };
  await paying.pay();
  const rerun = async (items?: Decision['items']): Promise<readonly string[]> => {
    writeFileSync(paying.at('input.txt'), `edited ${paying.runs}`);
    const result = await paying.job.verify();
    assert.equal(result.kind, 'question');
    const { question } = result as { readonly question: Question };
    assert.deepEqual(
      question.findings.map(({ keeps }) => keeps),
      [[CHARGE]],
    );
    return await paying.decide(question, { answer: 'rerun', ...(items === undefined ? {} : { items }) });
  };
  assert.match((await rerun()).join(), /cannot be undone; its recorded answer is kept/);
  assert.deepEqual(await paying.pay(), { effect: 1, of: '7' });
  assert.equal(readFileSync(paying.at('copy.txt'), 'utf8'), 'edited 1');
  assert.equal(paying.server.requests.length, 1);
  assert.match((await rerun({ [CHARGE]: 'repeat' })).join(), /made again, as decided/);
  assert.deepEqual(await paying.pay(), { effect: 2, of: '7' });
  assert.equal(paying.server.keys.length, 2);
  await rerun();
  assert.deepEqual(await paying.pay(), { effect: 2, of: '7' }, 'the latest counts');
  assert.deepEqual(
    paying.performedIn().map((effect) => (effect as { outcome: string }).outcome),
    ['applied', 'kept', 'applied', 'kept'],
  );
  assert.deepEqual(decisionsOf(paying.job.workspace, paying.job.jobId)[1]!.again, [CHARGE]);
});

test('a step that runs again and words its call otherwise is asked about', async () => {
  writeFileSync(paying.at('input.txt'), 'first');
  paying.code = async (ctx) => await charge(ctx, paying.server.url, await ctx.files.readText('input.txt'), 'ask');
  await paying.pay();
  writeFileSync(paying.at('input.txt'), 'second');
  const { question } = (await paying.job.verify()) as { readonly question: Question };
  const refused = await paying.job.decide(question, { answer: 'rerun', items: { [CHARGE]: 'happened' } });
  assert.match(
    refused.kind === 'refused' ? refused.problems.join() : '',
    /happened is not offered for perform:pay\/charge/,
  );
  const beside = await paying.job.decide(question, { answer: 'accept', items: { [CHARGE]: 'repeat' } });
  assert.match(beside.kind === 'refused' ? beside.problems.join() : '', /holds only where its step runs again/);
  await paying.decide(question, { answer: 'rerun' });
  const asked = await paying.doubtFrom(paying.pay(), 'performed-otherwise');
  assert.equal(paying.server.requests.length, 1);
  await paying.decide(asked, { answer: 'repeat' });
  assert.deepEqual(await paying.pay(), { effect: 2, of: '"second"' });
});

test('a doubt outlives a rerun of its step: it is asked about, under the key that was sent', async () => {
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'repeat');
  paying.server.next('cut-after');
  await assert.rejects(paying.pay());
  paying.code = () => {
    throw new TypeError('a mistake in the code');
  };
  for (const _ of [1]) await assert.rejects(paying.pay({ maxAttempts: 3 }));
  const asked = await questionFrom(paying.pay({ maxAttempts: 3 }));
  assert.equal(asked.kind, 'in-doubt', 'what is in doubt goes before what is stuck');
  await paying.decide(asked, { answer: 'repeat' });
  const stuck = await questionFrom(paying.pay({ maxAttempts: 1 }));
  assert.equal(stuck.kind, 'stuck');
  assert.deepEqual(stuck.findings[0]!.keeps, [CHARGE]);
  await paying.decide(stuck, { answer: 'rerun' });
  paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'ask');
  await paying.pay();
  assert.deepEqual([paying.server.requests.length, paying.server.keys.length, paying.server.effects()], [2, 1, 1]);
});

test('an approval shows what was called already, and a rejected draft does not call it again', async () => {
  paying.code = async (ctx) => {
    await ctx.files.write('receipt.json', JSON.stringify(await charge(ctx, paying.server.url, 7, 'ask')));
    return {};
  };
  const question = await questionFrom(paying.pay({ approval: 'before-apply' }));
  assert.match(question.findings[0]!.difference, /done already, while the step ran:\n {2}called charge: 7/);
  assert.match(question.findings[0]!.expected.text, /an approval of 1 change/);
  await paying.decide(question, { answer: 'reject', reason: 'too much' });
  const again = await questionFrom(paying.pay({ approval: 'before-apply' }));
  await paying.decide(again, { answer: 'approve' });
  await paying.pay({ approval: 'before-apply' });
  assert.equal(paying.server.requests.length, 1);
});

test('nothing is called while a question about the world is open, nor after its attempt has ended', async () => {
  await paying.job.step(fileWriteStep, { path: 'seed.txt', content: 'seed' }, { stepId: 'seed' });
  paying.code = async (ctx) => {
    // Somebody edits a file of the record while the step runs; another step is asked about it first.
    writeFileSync(paying.at('seed.txt'), 'edited');
    assert.equal((await paying.job.verify()).kind, 'question');
    await charge(ctx, paying.server.url, 7, 'ask');
  };
  const question = await questionFrom(paying.pay());
  assert.equal(question.kind, 'discrepancy');
  assert.equal(paying.server.requests.length, 0);
  await paying.decide(question, { answer: 'restore' });
  let late: Promise<unknown> = Promise.resolve();
  paying.code = (ctx) => {
    late = new Promise((resolve) => setTimeout(resolve, 50))
      .then(() => charge(ctx, paying.server.url, 7, 'ask'))
      .catch((error: unknown) => error);
    return {};
  };
  await paying.pay();
  assert.ok(isFailure(await late, 'fenced'));
  assert.equal(paying.server.requests.length, 0);
});

test('what the code does not wait for is waited for', async () => {
  paying.server.mode = 'slow';
  paying.code = (ctx) => {
    void charge(ctx, paying.server.url, 7, 'ask');
    return {};
  };
  await paying.pay();
  assert.deepEqual(paying.performedIn(), [{ name: 'charge', known: 'called', generation: 0, outcome: 'applied' }]);
});

test('a name is used once in a step, and is one that a person can type', async () => {
  paying.code = async (ctx) => {
    await ctx.once('charge', () => 1);
    await charge(ctx, paying.server.url, 7, 'ask');
  };
  assert.match((await questionFrom(paying.pay())).findings[0]!.found.text, /once-name-twice/);
  for (const name of ['', 'a=b', 'x'.repeat(101), 'two words']) {
    paying.code = (ctx) => charge(ctx, paying.server.url, 7, 'ask', { name });
    assert.match(
      (await questionFrom(paying.pay({ stepId: `named-${name.length}` }))).findings[0]!.found.text,
      /bad-input/,
    );
  }
  paying.code = (ctx) => ctx.perform('charge', { inDoubt: 'probe', run: () => 1 });
  assert.match((await questionFrom(paying.pay({ stepId: 'no-probe' }))).findings[0]!.found.text, /has no probe/);
  assert.equal(paying.server.requests.length, 0);
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
    paying.code = (ctx) => ctx.perform('charge', { run: () => Promise.reject(error) });
    await assert.rejects(paying.pay({ stepId: `refused-${index}` }), (failure) => isFailure(failure, 'step-failed'));
  }
});
