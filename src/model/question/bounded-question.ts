/** A question as it travels in payloads: bounded, with the digest of the whole. */
import type { Question } from './question.ts';

export const MAX_FINDINGS_IN_PAYLOAD = 20;
export const MAX_DIFFERENCE_IN_PAYLOAD = 2_000;

/** At most 20 findings, differences cut. */
export function boundedQuestion(question: Question): Question {
  const findings = question.findings.slice(0, MAX_FINDINGS_IN_PAYLOAD);
  return {
    ...question,
    findings: findings.map((finding) => ({ ...finding, difference: cutDifference(finding.difference) })),
  };
}

function cutDifference(difference: string): string {
  if (difference.length <= MAX_DIFFERENCE_IN_PAYLOAD) return difference;
  const shown = difference.slice(0, MAX_DIFFERENCE_IN_PAYLOAD).toWellFormed();
  const lines = difference.slice(MAX_DIFFERENCE_IN_PAYLOAD).split('\n').length;
  const omitted = lines === 1 ? 'part of a line' : `${lines} more lines`;
  return `${shown}\n… ${omitted} (cut)`;
}

/** Does a payload hold less of it than the record? */
export function isCutQuestion({ findings, findingsTotal }: Pick<Question, 'findings' | 'findingsTotal'>): boolean {
  return findings.length < findingsTotal || findings.some(({ difference }) => difference.endsWith(' (cut)'));
}
