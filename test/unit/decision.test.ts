import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerSchema, ANSWERS, type Answer } from '../../src/model/answer.ts';
import { answered, parseDecision, ruleOn, type Decision } from '../../src/model/decision.ts';
import { offeredAnswers, type Finding } from '../../src/model/question.ts';
import { arbitraryFindings, questionOf } from './question-arbitrary.ts';

const by = { by: 'reader@example.com', reason: 'test' };
const answer = fc.constantFrom(...AnswerSchema.options);

test('a usable decision gives every finding exactly one answer, and one that it offers', () => {
  fc.assert(fc.property(arbitraryFindings, fc.option(answer, { nil: undefined }), fc.array(answer, { maxLength: 6 }), (findings, whole, each) => {
    const question = questionOf(findings);
    const items = Object.fromEntries(each.slice(0, findings.length).map((given, index) => [findings[index]!.resource, given]));
    const decision: Decision = { digest: question.digest, ...by, ...(whole === undefined ? {} : { answer: whole }), ...(each.length === 0 ? {} : { items }) };
    const ruling = ruleOn(question, decision);
    if (!ruling.usable) return assert.ok(ruling.problems.length > 0);
    assert.deepEqual(Object.keys(ruling.answers).sort(), findings.map(({ resource }) => resource).sort());
    for (const finding of findings) {
      assert.equal(ruling.answers[finding.resource], items[finding.resource] ?? whole);
      assert.ok(ANSWERS[finding.class][ruling.answers[finding.resource]!]);
    }
    const given = Object.values(ruling.answers);
    assert.equal(given.includes('abort') && given.some((other) => other !== 'abort'), false);
    assert.equal(given.includes('undo') && given.some((other) => other !== 'undo'), false);
  }));
});

test('a decision that names another question is refused, whatever it answers', () => {
  fc.assert(fc.property(arbitraryFindings, answer, (findings, whole) => {
    const ruling = ruleOn(questionOf(findings, 'today'), { digest: questionOf(findings, 'last week').digest, answer: whole, ...by });
    assert.equal(ruling.usable, false);
  }));
});

test('an answer for every finding is usable whenever each offers it', () => {
  fc.assert(fc.property(arbitraryFindings, (findings) => {
    const question = questionOf(findings);
    for (const whole of ['recheck', 'abort'] as const) assert.equal(ruleOn(question, { digest: question.digest, answer: whole, ...by }).usable, true);
  }));
});

function written(resource: string, stepId: string, rerunSteps: readonly string[]): Finding {
  return {
    resource, class: 'discrepancy', kind: 'changed', expected: { digest: null, text: 'e' }, found: { digest: null, text: resource }, recordedBy: { stepId, generation: 0, seq: 1, at: '' },
    staleSteps: [], rerunSteps: [...rerunSteps], difference: '', answers: offeredAnswers('discrepancy'),
  };
}

const TWO = questionOf([written('file:a', 'a', ['b']), written('file:b', 'b', ['b']), written('row:main/t/{"id":1}', 'b', [])]);
const rule = (items: Record<string, Answer>): string => {
  const ruling = ruleOn(TWO, { digest: TWO.digest, items, ...by });
  return ruling.usable ? 'usable' : ruling.problems.join('; ');
};

test('what a step that runs again writes anew can be neither kept nor put back', () => {
  assert.match(rule({ 'file:a': 'rerun', 'file:b': 'accept', 'row:main/t/{"id":1}': 'rerun' }), /accept for file:b contradicts rerun for file:a: step b runs again/);
  assert.match(rule({ 'file:a': 'rerun', 'file:b': 'rerun', 'row:main/t/{"id":1}': 'restore' }), /restore for row:main\/t/);
  assert.equal(rule({ 'file:a': 'rerun', 'file:b': 'rerun', 'row:main/t/{"id":1}': 'rerun' }), 'usable');
  assert.equal(rule({ 'file:a': 'accept', 'file:b': 'restore', 'row:main/t/{"id":1}': 'restore' }), 'usable');
});

test('parsing never throws and names each problem by its field', () => {
  fc.assert(fc.property(fc.anything(), (value) => {
    const parsed = parseDecision(value);
    assert.ok('decision' in parsed || parsed.problems.length > 0);
  }));
  const parsed = parseDecision({ digest: 'x', answer: 'yes', by: '', reason: 'r', items: { a: 'no' } });
  assert.ok('problems' in parsed);
  for (const field of ['digest', 'answer', 'by', 'items.a']) assert.ok(parsed.problems.some((problem) => problem.startsWith(`${field}: `)), `${field} in ${parsed.problems.join('; ')}`);
});

test('lists the resources that an answer was given to', () => {
  assert.deepEqual(answered({ a: 'accept', b: 'restore', c: 'accept' }, 'accept'), ['a', 'c']);
});
