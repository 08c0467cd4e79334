/** The crash test finds each planted fault, and names the effect, how often it was made, and the line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { crashTest } from '../../src/testing.ts';
import { BROKEN, brokenTest, notNamed } from '../support/broken-plan.ts';

test('each broken step is found and named, and the sound one is not', async (t) => {
  const ids = Object.keys(BROKEN);
  const report = await crashTest(brokenTest(ids));
  t.diagnostic(`${report.counts.cases} cases in ${report.durationMs} ms`);
  assert.deepEqual(notNamed(report, ids), []);
  assert.deepEqual(
    report.cases.filter(({ step }) => step === 'sound').map(({ outcome, differences }) => [outcome, differences]),
    [['same', []]],
  );
  assert.deepEqual(
    report.faults.filter(({ difference }) => difference.step === 'sound'),
    [],
  );
});

const PAY = {
  ...brokenTest([]),
  plan: {
    schemaVersion: 1 as const,
    name: 'paying',
    workspace: 'paying',
    steps: [{ id: 'pay', use: 'pay', approval: 'before-apply' as const }],
  },
  input: {},
};

test('what a run needs is told with the lines to write: an answer, what a service would say', async () => {
  await assert.rejects(crashTest({ ...PAY, http: [] }), (error) => {
    assert.ok(isFailure(error, 'bad-input'));
    assert.match(error.message, /elsewhere.*POST http:\/\/pay\.example\/charge/);
    assert.match(String(error.details['nextStep']), /"method":"POST","url":"http:\/\/pay\.example\/charge".*--http/);
    return true;
  });
  await assert.rejects(crashTest(PAY), (error) => {
    assert.ok(isFailure(error, 'bad-input'));
    assert.match(error.message, /asks a person: approval of step pay/);
    assert.match(String(error.details['nextStep']), /\{"step":"pay","kind":"approval","answer":"approve"\}.*--answers/);
    return true;
  });
});

test('a call in doubt asks; answered as counted, it is made once, whether or not it had arrived', async () => {
  const points = ['pay/perform.about-after', 'pay/request.after', 'pay/request.answer-lost'];
  const approve = { step: 'pay', kind: 'approval', answer: 'approve' } as const;
  const asking = await crashTest({ ...PAY, points: points.slice(1, 2), answers: [approve] });
  assert.deepEqual(
    asking.cases.map(({ outcome, text }) => [outcome, text?.split(':')[0]]),
    [['asks', 'in-doubt']],
  );
  const counted = { kind: 'in-doubt', answer: 'as-counted', result: { ok: true } } as const;
  const report = await crashTest({ ...PAY, points, answers: [approve, counted] });
  assert.deepEqual(
    report.cases.map(({ id, outcome, differences }) => [id, outcome, differences]),
    points.map((point) => [`${point}:1`, 'same', []]),
  );
});

test('two kills in a run, a worker frozen and woken: what is sound stays so, an append is found', async () => {
  const pair = 'sound/user-code.after:1+sound/record.before:1';
  const report = await crashTest({
    ...brokenTest(['journal']),
    points: ['journal/user-code.after', 'sound/user-code.after', pair],
    freeze: true,
  });
  assert.deepEqual(
    report.cases.map(({ id, outcome, missed }) => [id, outcome, missed ?? false]),
    [
      ['journal/user-code.after:1', 'differs', false],
      ['sound/user-code.after:1', 'same', false],
      ['freeze@journal/user-code.after:1', 'differs', false],
      ['freeze@sound/user-code.after:1', 'same', false],
      [pair, 'same', false],
    ],
    JSON.stringify(report.cases, null, 1),
  );
});
