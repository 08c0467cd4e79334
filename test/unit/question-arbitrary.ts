/** Questions as a comparison might ask them, for property tests. */
import fc from 'fast-check';
import { FindingClassSchema } from '../../src/model/question/answer.ts';
import { offeredAnswers, questionDigest, questionKind, type Question } from '../../src/model/question/question.ts';
import type { Finding } from '../../src/model/question/finding.ts';

const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const side = fc.record({ digest: fc.option(digest), text: fc.string({ maxLength: 20 }) });

export const arbitraryFinding: fc.Arbitrary<Finding> = fc
  .record({
    resource: fc.stringMatching(/^file:[a-z]{1,8}$/),
    class: fc.constantFrom(...FindingClassSchema.options),
    kind: fc.constantFrom('changed' as const, 'missing' as const, 'row-changed' as const, 'outcome-unknown' as const),
    expected: side,
    found: side,
    difference: fc.string({ maxLength: 30 }),
  })
  .map((fields) => ({ ...fields, staleSteps: [], rerunSteps: [], answers: offeredAnswers(fields.class) }));

export const arbitraryFindings: fc.Arbitrary<Finding[]> = fc.uniqueArray(arbitraryFinding, {
  minLength: 1,
  maxLength: 6,
  selector: ({ resource }) => resource,
});

export function questionOf(findings: readonly Finding[], nonce = 'nonce'): Question {
  return {
    schemaVersion: 1,
    digest: questionDigest(nonce, findings),
    nonce,
    jobId: 'job',
    kind: questionKind(findings),
    openedAt: '2026-01-01T00:00:00.000Z',
    why: 'test',
    findings: [...findings],
    findingsTotal: findings.length,
  };
}
