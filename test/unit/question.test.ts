import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  boundedQuestion,
  boundedQuestions,
  isCutQuestion,
  MAX_DIFFERENCE_IN_PAYLOAD,
  MAX_FINDINGS_IN_PAYLOAD,
  MAX_QUESTION_BYTES,
  MAX_QUESTIONS_BYTES,
} from '../../src/model/question/bounded-question.ts';
import { findingsIdentity } from '../../src/model/question/finding.ts';
import {
  isAboutTheWorld,
  offeredAnswers,
  questionDigest,
  questionKind,
  QuestionSchema,
  wholeAnswers,
} from '../../src/model/question/question.ts';
import { questionMarkdown } from '../../src/model/question/question-text.ts';
import { ruleOn } from '../../src/model/question/ruling.ts';
import { arbitraryFindings, questionOf } from './question-arbitrary.ts';

test('the same findings have the same identity, whatever the texts for people say', () => {
  fc.assert(
    fc.property(arbitraryFindings, (findings) => {
      const worded = findings.map((finding) => ({
        ...finding,
        difference: `${finding.difference}!`,
        advice: 'other words',
        staleSteps: ['x'],
      }));
      assert.equal(findingsIdentity(worded), findingsIdentity(findings));
    }),
  );
});

test('a question is another one when anything found is, or when it is asked again', () => {
  fc.assert(
    fc.property(arbitraryFindings, fc.nat(), fc.stringMatching(/^[0-9a-f]{64}$/), (findings, at, other) => {
      const place = at % findings.length;
      const moved = findings.map((finding, index) =>
        index === place ? { ...finding, found: { digest: other, text: 'moved' } } : finding,
      );
      if (findings[place]!.found.digest !== other)
        assert.notEqual(questionDigest('n', moved), questionDigest('n', findings));
      assert.notEqual(questionDigest('next week', findings), questionDigest('n', findings));
      assert.equal(questionDigest('n', findings), questionDigest('n', findings));
    }),
  );
});

test('only answers that every finding offers can be given to the whole', () => {
  fc.assert(
    fc.property(arbitraryFindings, (findings) => {
      const whole = wholeAnswers(questionOf(findings));
      for (const answer of whole) for (const finding of findings) assert.ok(finding.answers.includes(answer));
      assert.ok(whole.includes('recheck') && whole.includes('abort'));
    }),
  );
});

test("a question is of its gravest finding's kind, and holds every step back unless it is one step's own", () => {
  fc.assert(
    fc.property(arbitraryFindings, (findings) => {
      const kind = questionKind(findings);
      assert.ok(findings.some((finding) => finding.class === kind));
      if (findings.some((finding) => isAboutTheWorld({ kind: finding.class })))
        assert.ok(isAboutTheWorld({ kind }), 'an approval never hides a discrepancy');
      if (findings.some((finding) => finding.class === 'unverifiable'))
        assert.ok(['damaged', 'checkpoint', 'foreign', 'unverifiable'].includes(kind));
    }),
  );
});

test('what travels in payloads is bounded, valid, and says how many findings there are', () => {
  const [finding] = fc.sample(arbitraryFindings, 1)[0]!;
  const many = Array.from({ length: 500 }, (_, index) => ({
    ...finding!,
    resource: `file:${index}`,
    difference: 'x'.repeat(10_000),
  }));
  const bounded = boundedQuestion(questionOf(many));
  assert.equal(bounded.findings.length, MAX_FINDINGS_IN_PAYLOAD);
  assert.equal(bounded.findingsTotal, 500);
  assert.equal(bounded.digest, questionOf(many).digest);
  for (const { difference } of bounded.findings)
    assert.ok(difference.length < MAX_DIFFERENCE_IN_PAYLOAD + 40 && difference.endsWith('(cut)'));
  assert.ok(JSON.stringify(bounded).length < 100_000);
  QuestionSchema.parse(JSON.parse(JSON.stringify(bounded)));
});

test('however much a question is about, what travels has a bound, and says what it leaves out', () => {
  const [finding] = fc.sample(arbitraryFindings, 1)[0]!;
  const ids = Array.from({ length: 2_000 }, (_, index) => `step-${index}-${'x'.repeat(60)}`);
  const text = 'y'.repeat(100_000);
  const large = {
    ...finding!,
    expected: { digest: null, text },
    found: { digest: null, text },
    advice: text,
    difference: text,
    staleSteps: ids,
    rerunSteps: ids,
    keeps: ids,
    repeats: ids.map((name) => ({ name, text })),
  };
  const question = questionOf(
    Array.from({ length: 30 }, (_, index) => ({ ...large, resource: `row:main/t/${index}${'z'.repeat(50_000)}` })),
  );
  const bounded = boundedQuestion(question);
  assert.ok(JSON.stringify(bounded).length < MAX_QUESTION_BYTES + 1_000, `${JSON.stringify(bounded).length}`);
  assert.ok(isCutQuestion(bounded));
  QuestionSchema.parse(JSON.parse(JSON.stringify(bounded)));
  const one = boundedQuestion(questionOf([large]));
  const { staleSteps, rerunSteps, keeps, repeats, totals } = one.findings[0]!;
  for (const list of [staleSteps, rerunSteps, keeps!, repeats!]) assert.equal(list.length, 20);
  assert.deepEqual(totals, { staleSteps: 2_000, rerunSteps: 2_000, keeps: 2_000, repeats: 2_000 });
  assert.match(questionMarkdown(one, 'job').join('\n'), /used by: step-0-x+, .* and 1980 more/);
  const many = boundedQuestions(Array.from({ length: 200 }, (_, index) => ({ ...bounded, digest: `${index}` })));
  assert.ok(JSON.stringify(many).length < MAX_QUESTIONS_BYTES + 200 * 1_000);
  assert.equal(many.length, 200, 'each is there to be answered');
});

test('a call that a cut list leaves out may be named, and the record rules on it', () => {
  const [finding] = fc.sample(arbitraryFindings, 1)[0]!;
  const keeps = Array.from({ length: 100 }, (_, index) => `perform:pay/${index}`);
  const discrepancy = { ...finding!, class: 'discrepancy' as const, keeps, rerunSteps: ['pay'] };
  const whole = questionOf([{ ...discrepancy, answers: offeredAnswers('discrepancy') }]);
  const decision = {
    digest: whole.digest,
    by: 'test',
    reason: 'test',
    answer: 'rerun' as const,
    items: { 'perform:pay/99': 'repeat' as const },
  };
  assert.equal(ruleOn(boundedQuestion(whole), decision).usable, true);
  assert.equal(ruleOn(whole, decision).usable, true);
  const unknown = { ...decision, items: { 'perform:pay/x': 'repeat' as const } };
  assert.equal(ruleOn(whole, unknown).usable, false);
});
