import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answered, AnswerSchema, type Answer } from '../../src/model/question/answer.ts';
import { ANSWERS } from '../../src/model/question/answer-table.ts';
import { ruleOn } from '../../src/model/question/ruling.ts';
import { parseDecision, type Decision } from '../../src/model/question/decision.ts';
import { needsResult, type Finding } from '../../src/model/question/finding.ts';
import { offeredAnswers } from '../../src/model/question/question.ts';
import { arbitraryFindings, questionOf } from './question-arbitrary.ts';

const by = { by: 'reader@example.com', reason: 'test' };
const answer = fc.constantFrom(...AnswerSchema.options);

test('a usable decision gives every finding exactly one answer, and one that it offers', () => {
  fc.assert(
    fc.property(
      arbitraryFindings,
      fc.option(answer, { nil: undefined }),
      fc.array(answer, { maxLength: 6 }),
      (findings, whole, each) => {
        const question = questionOf(findings);
        const items = Object.fromEntries(
          each.slice(0, findings.length).map((given, index) => [findings[index]!.resource, given]),
        );
        const told = findings
          .filter((finding) => needsResult(finding) && (items[finding.resource] ?? whole) === 'happened')
          .map(({ resource }) => resource);
        const decision: Decision = {
          digest: question.digest,
          ...by,
          ...(whole === undefined ? {} : { answer: whole }),
          ...(each.length === 0 ? {} : { items }),
          ...(told.length === 0 ? {} : { results: Object.fromEntries(told.map((resource) => [resource, null])) }),
        };
        const ruling = ruleOn(question, decision);
        if (!ruling.usable) return assert.ok(ruling.problems.length > 0);
        assert.deepEqual(Object.keys(ruling.answers).sort(), findings.map(({ resource }) => resource).sort());
        for (const finding of findings) {
          assert.equal(ruling.answers[finding.resource], items[finding.resource] ?? whole);
          assert.ok(ANSWERS[finding.class][ruling.answers[finding.resource]!]);
        }
        const given = Object.values(ruling.answers);
        assert.equal(given.includes('abort') && given.some((other) => other !== 'abort'), false);
        // What a half-applied step has done is taken back as a whole.
        const isWhole = findings.some((one) => one.class !== 'ahead' && ruling.answers[one.resource] === 'undo');
        assert.equal(isWhole && given.some((other) => other !== 'undo'), false);
        const forgotten = findings
          .filter((one) => one.class === 'ahead')
          .map(({ resource }) => ruling.answers[resource]);
        assert.equal(forgotten.includes('undo') && forgotten.includes('keep'), false);
      },
    ),
  );
});

test('a decision that names another question is refused, whatever it answers', () => {
  fc.assert(
    fc.property(arbitraryFindings, answer, (findings, whole) => {
      const ruling = ruleOn(questionOf(findings, 'today'), {
        digest: questionOf(findings, 'last week').digest,
        answer: whole,
        ...by,
      });
      assert.equal(ruling.usable, false);
    }),
  );
});

test('an answer for every finding is usable whenever each offers it', () => {
  fc.assert(
    fc.property(arbitraryFindings, (findings) => {
      const question = questionOf(findings);
      for (const whole of ['recheck', 'abort'] as const)
        assert.equal(ruleOn(question, { digest: question.digest, answer: whole, ...by }).usable, true);
    }),
  );
});

function written(resource: string, stepId: string, rerunSteps: readonly string[]): Finding {
  return {
    resource,
    class: 'discrepancy',
    kind: 'changed',
    expected: { digest: null, text: 'e' },
    found: { digest: null, text: resource },
    recordedBy: { stepId, generation: 0, seq: 1, at: '' },
    staleSteps: [],
    rerunSteps: [...rerunSteps],
    difference: '',
    answers: offeredAnswers('discrepancy'),
  };
}

const TWO = questionOf([
  written('file:a', 'a', ['b']),
  written('file:b', 'b', ['b']),
  written('row:main/t/{"id":1}', 'b', []),
]);
const rule = (items: Record<string, Answer>): string => {
  const ruling = ruleOn(TWO, { digest: TWO.digest, items, ...by });
  return ruling.usable ? 'usable' : ruling.problems.join('; ');
};

test('what a step that runs again writes anew can be neither kept nor put back', () => {
  assert.match(
    rule({ 'file:a': 'rerun', 'file:b': 'accept', 'row:main/t/{"id":1}': 'rerun' }),
    /accept for file:b contradicts rerun for file:a: step b runs again/,
  );
  assert.match(
    rule({ 'file:a': 'rerun', 'file:b': 'rerun', 'row:main/t/{"id":1}': 'restore' }),
    /restore for row:main\/t/,
  );
  assert.equal(rule({ 'file:a': 'rerun', 'file:b': 'rerun', 'row:main/t/{"id":1}': 'rerun' }), 'usable');
  assert.equal(rule({ 'file:a': 'accept', 'file:b': 'restore', 'row:main/t/{"id":1}': 'restore' }), 'usable');
});

test('parsing never throws and names each problem by its field', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const parsed = parseDecision(value);
      assert.ok('decision' in parsed || parsed.problems.length > 0);
    }),
  );
  const parsed = parseDecision({ digest: 'x', answer: 'yes', by: '', reason: 'r', items: { a: 'no' } });
  assert.ok('problems' in parsed);
  for (const field of ['digest', 'answer', 'by', 'items.a'])
    assert.ok(
      parsed.problems.some((problem) => problem.startsWith(`${field}: `)),
      `${field} in ${parsed.problems.join('; ')}`,
    );
});

test('lists the resources that an answer was given to', () => {
  assert.deepEqual(answered({ a: 'accept', b: 'restore', c: 'accept' }, 'accept'), ['a', 'c']);
});

function called(name: string, kind: Finding['kind'] = 'outcome-unknown'): Finding {
  return { ...written(`perform:pay/${name}`, 'pay', []), class: 'in-doubt', kind, answers: offeredAnswers('in-doubt') };
}

const rulingOn = (
  findings: readonly Finding[],
  decision: Omit<Decision, 'digest' | 'by' | 'reason'>,
): ReturnType<typeof ruleOn> => {
  const question = questionOf(findings);
  return ruleOn(question, { digest: question.digest, ...decision, ...by });
};
const problemsOf = (...given: Parameters<typeof rulingOn>): string => {
  const ruling = rulingOn(...given);
  return ruling.usable ? 'usable' : ruling.problems.join('; ');
};

test('a call that happened comes with its answer, null if it has none; an answer for anything else is refused', () => {
  const one = [called('charge')];
  const two = [called('charge'), called('mail')];
  const results = (findings: readonly Finding[], decision: Omit<Decision, 'digest' | 'by' | 'reason'>): unknown => {
    const ruling = rulingOn(findings, decision);
    return ruling.usable ? ruling.results : ruling.problems;
  };
  assert.deepEqual(results(one, { answer: 'happened', result: null }), { 'perform:pay/charge': null });
  assert.deepEqual(results(one, { answer: 'happened', results: { 'perform:pay/charge': { id: 1 } } }), {
    'perform:pay/charge': { id: 1 },
  });
  assert.deepEqual(
    results(two, { items: { 'perform:pay/charge': 'happened', 'perform:pay/mail': 'repeat' }, result: 1 }),
    { 'perform:pay/charge': 1 },
  );
  assert.deepEqual(results(two, { answer: 'happened', result: 1, results: { 'perform:pay/mail': 2 } }), [
    'result is given once for 2 calls that happened; give results: {"perform:pay/charge": …, ' +
      '"perform:pay/mail": …}',
    'happened for perform:pay/charge needs what the call answered: give it as result (or results: ' +
      '{"perform:pay/charge": …}); null where it answers nothing',
  ]);
  assert.match(
    problemsOf(one, { answer: 'happened' }),
    /happened for perform:pay\/charge needs what the call answered/,
  );
  assert.match(
    problemsOf(one, { answer: 'repeat', result: 1 }),
    /a result belongs to a call that happened, and repeat is answered/,
  );
  assert.match(
    problemsOf(one, { answer: 'abort', results: { 'perform:pay/charge': 1 } }),
    /a result belongs to a call that happened/,
  );
  assert.match(
    problemsOf(one, { answer: 'happened', result: 1, results: { 'perform:pay/charge': 2 } }),
    /result and results both say/,
  );
  assert.match(
    problemsOf([written('file:a', 'a', [])], { answer: 'accept', result: 1 }),
    /a result belongs to a call that happened/,
  );
  const known = [called('charge', 'performed-otherwise')];
  assert.equal(problemsOf(known, { answer: 'happened' }), 'usable', 'the record has the answer');
  assert.match(
    problemsOf(known, { answer: 'happened', result: 1 }),
    /the record has what the call answered; give no result/,
  );
});

test('a result is plain JSON within a bound, however it is sent', () => {
  const parse = (result: unknown): string => {
    const parsed = parseDecision({ digest: '0'.repeat(64), answer: 'happened', ...by, result });
    return 'decision' in parsed ? 'usable' : parsed.problems.join('; ');
  };
  assert.equal(parse(null), 'usable');
  assert.equal(parse({ deep: [1, 'x', { y: null }] }), 'usable');
  assert.match(parse(Number.NaN), /result: expected plain JSON: .*NaN/);
  assert.match(parse('x'.repeat(70_000)), /result: the result has 70002 characters; at most 65536/);
  let nested: unknown = 1;
  for (let depth = 0; depth < 20_000; depth++) nested = [nested];
  assert.match(parse(nested), /nested deeper than 256/);
  const question = questionOf([called('a'), called('b')]);
  const half = 'x'.repeat(40_000);
  const ruling = ruleOn(question, {
    digest: question.digest,
    answer: 'happened',
    results: { 'perform:pay/a': half, 'perform:pay/b': half },
    ...by,
  });
  assert.match(ruling.usable ? '' : ruling.problems.join(), /the results have 80004 characters/);
});

test('a call that is kept may be named to be made again, beside an answer that makes its step run again', () => {
  const finding: Finding = { ...written('file:a', 'pay', ['pay']), keeps: ['perform:pay/charge'] };
  const ruling = rulingOn([finding], { answer: 'rerun', items: { 'perform:pay/charge': 'repeat' } });
  assert.deepEqual(ruling.usable && [ruling.answers, ruling.again], [{ 'file:a': 'rerun' }, ['perform:pay/charge']]);
  assert.deepEqual(rulingOn([finding], { answer: 'rerun' }), {
    usable: true,
    answers: { 'file:a': 'rerun' },
    results: {},
    again: [],
  });
  assert.match(
    problemsOf([finding], { answer: 'accept', items: { 'perform:pay/charge': 'repeat' } }),
    /nothing here makes it run again/,
  );
  assert.match(
    problemsOf([finding], { answer: 'rerun', items: { 'perform:pay/charge': 'happened' } }),
    /offered: repeat/,
  );
  assert.match(
    problemsOf([finding], { answer: 'rerun', items: { 'perform:pay/other': 'repeat' } }),
    /which the question does not/,
  );
});
