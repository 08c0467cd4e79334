/** A question as it travels in payloads: bounded, with the digest of the whole. */
import type { Question } from './question.ts';

export const MAX_FINDINGS_IN_PAYLOAD = 20;

export const MAX_DIFFERENCE_IN_PAYLOAD = 2_000;

/** The question as it travels in payloads: at most 20 findings, differences cut. Its digest is that of the whole. */
export function boundedQuestion(question: Question): Question {
  return {
    ...question,
    findings: question.findings
      .slice(0, MAX_FINDINGS_IN_PAYLOAD)
      .map((finding) =>
        finding.difference.length <= MAX_DIFFERENCE_IN_PAYLOAD
          ? finding
          : { ...finding, difference: cutDifference(finding.difference) },
      ),
  };
}

function cutDifference(difference: string): string {
  const [kept, rest] = [difference.slice(0, MAX_DIFFERENCE_IN_PAYLOAD), difference.slice(MAX_DIFFERENCE_IN_PAYLOAD)];
  const lines = rest.split('\n').length;
  return `${kept.toWellFormed()}\n… ${lines === 1 ? 'part of a line' : `${lines} more lines`} (cut)`;
}

/** Does a payload hold less of it than the record? */
export function isCutQuestion({ findings, findingsTotal }: Pick<Question, 'findings' | 'findingsTotal'>): boolean {
  return findings.length < findingsTotal || findings.some(({ difference }) => difference.endsWith(' (cut)'));
}
