/** Calls of a step that a person has sent round again: what it requests differs, and nobody is asked call by call. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whatIsAsked } from '../../src/model/question/question-text.ts';
import type { PerformOptions } from '../../src/model/step/step-call.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { testPayingJob } from '../support/paying-job.ts';
import { questionFrom } from '../support/questions.ts';

const paying = testPayingJob();
type Policy = Pick<PerformOptions<string>, 'inDoubt' | 'readOnly'>;

/** Five calls whose request has what a person said of the draft before; each is noted with its key. */
function asking(policy: Policy, made: { prompt: string; key: string }[]): (ctx: StepContext) => Promise<object> {
  return async (ctx) => {
    for (let turn = 0; turn < 5; turn++) {
      const prompt = `turn ${turn}${ctx.rejection === undefined ? '' : `, mind: ${ctx.rejection.reason}`}`;
      const run = ({ key }: { key: string }): string => {
        made.push({ prompt, key });
        return `answer to ${prompt}`;
      };
      await ctx.perform(`turn-${turn}`, { request: prompt, run, ...policy });
    }
    await ctx.files.write('draft.txt', ctx.rejection?.reason ?? 'first');
    return {};
  };
}

const POLICIES: Readonly<Record<string, Policy>> = {
  'may be repeated': { inDoubt: 'repeat' },
  'read only': { readOnly: true },
};
for (const [which, policy] of Object.entries(POLICIES))
  test(`calls that ${which} are made anew after a rejection, under keys of their own`, async () => {
    const made: { prompt: string; key: string }[] = [];
    paying.code = asking(policy, made);
    const first = await questionFrom(paying.pay({ approval: 'before-apply' }));
    await paying.decide(first, { answer: 'reject', reason: 'shorter' });
    const second = await questionFrom(paying.pay({ approval: 'before-apply' }));
    assert.equal(second.kind, 'approval', whatIsAsked(second));
    assert.deepEqual(
      made.slice(5).map(({ prompt }) => prompt),
      [0, 1, 2, 3, 4].map((turn) => `turn ${turn}, mind: shorter`),
    );
    if (policy.inDoubt === 'repeat') assert.equal(new Set(made.map(({ key }) => key)).size, 10);
  });

test('a call that was made anew after a rejection is asked about as ever when a retry changes it again', async () => {
  const made: { prompt: string; key: string }[] = [];
  let retry = '';
  paying.code = async (ctx) => {
    const request = `${ctx.rejection?.reason ?? 'first'}${retry}`;
    await ctx.perform('charge', { request, run: ({ key }) => made.push({ prompt: request, key }), inDoubt: 'repeat' });
    if (ctx.rejection !== undefined && retry === '') throw new Error('cut off');
    await ctx.files.write('draft.txt', request);
  };
  const first = await questionFrom(paying.pay({ approval: 'before-apply' }));
  await paying.decide(first, { answer: 'reject', reason: 'shorter' });
  await assert.rejects(paying.pay({ approval: 'before-apply' }), /cut off/);
  retry = ', another';
  const question = await paying.doubtFrom(paying.pay({ approval: 'before-apply' }), 'performed-otherwise');
  assert.match(whatIsAsked(question), /was made and would be another now/);
  assert.equal(made.length, 2);
});

test('a call that may not be repeated is asked about after a rejection, too, and the heading says what', async () => {
  paying.code = asking({}, []);
  const first = await questionFrom(paying.pay({ approval: 'before-apply' }));
  await paying.decide(first, { answer: 'reject', reason: 'shorter' });
  const question = await questionFrom(paying.pay({ approval: 'before-apply' }));
  assert.equal(question.findings[0]!.kind, 'performed-otherwise');
  assert.equal(
    whatIsAsked(question),
    'a call of step pay was made and would be another now: does its answer stand, or is it made anew?',
  );
});
