import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  boundedQuestion,
  MAX_DIFFERENCE_IN_PAYLOAD,
  MAX_FINDINGS_IN_PAYLOAD,
} from '../../src/model/question/bounded-question.ts';
import { findingsIdentity } from '../../src/model/question/finding.ts';
import {
  isAboutTheWorld,
  questionDigest,
  questionKind,
  QuestionSchema,
  wholeAnswers,
} from '../../src/model/question/question.ts';
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
        assert.ok(['damaged', 'foreign', 'unverifiable'].includes(kind));
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
