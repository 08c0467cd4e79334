/**
 * A question as it travels in payloads, with the digest of the whole. The record has all of it.
 *
 * Invariants
 * 1. It has at most `MAX_QUESTION_BYTES`, whatever was found: every list of a finding and every text is cut, and says
 *    so. A payload that is too large would be retried for ever, and the question never be seen.
 * 2. Of several questions together the same holds with `MAX_QUESTIONS_BYTES`; each keeps its digest.
 */
import { jsonBytes, type Json } from '../canonical-json.ts';
import { defined } from '../defined.ts';
import type { Finding } from './finding.ts';
import type { Question } from './question.ts';

export const MAX_FINDINGS_IN_PAYLOAD = 20;
export const MAX_DIFFERENCE_IN_PAYLOAD = 2_000;
/** Of each list of a finding. */
export const MAX_LISTED_IN_PAYLOAD = 20;
const MAX_TEXT_IN_PAYLOAD = 2_000;
export const MAX_QUESTION_BYTES = 256 * 1024;
/** Of all questions in one answer of a Query. */
export const MAX_QUESTIONS_BYTES = 1024 * 1024;

/** What sub-steps of one step ask at once; more are shown as soon as one of these is answered. */
const MAX_OTHER_QUESTIONS = 31;
/** They are in the history once for each answer. */
const MAX_OTHERS_BYTES = 128 * 1024;

const LISTS = ['staleSteps', 'rerunSteps', 'keeps', 'repeats'] as const;
type FindingList = (typeof LISTS)[number];

/** At most 20 findings, their lists and texts cut. */
export function boundedQuestion(question: Question): Question {
  const findings = question.findings.slice(0, MAX_FINDINGS_IN_PAYLOAD).map(boundedFinding);
  let sizeBytes = 0;
  const fitting = findings.filter((finding) => (sizeBytes += jsonBytes(finding as Json)) <= MAX_QUESTION_BYTES);
  return { ...question, findings: fitting };
}

/** Several questions: the later ones without findings where all would be too much. */
export function boundedQuestions(questions: readonly Question[]): readonly Question[] {
  let sizeBytes = 0;
  return questions.map((question) => {
    sizeBytes += jsonBytes(question as Json);
    return sizeBytes <= MAX_QUESTIONS_BYTES ? question : { ...question, findings: [] };
  });
}

/** Of these the first, as many as one result of an Activity holds. */
export function fittingQuestions(questions: readonly Question[]): readonly Question[] {
  let sizeBytes = 0;
  return questions
    .slice(0, MAX_OTHER_QUESTIONS)
    .map(boundedQuestion)
    .filter((question) => (sizeBytes += jsonBytes(question as Json)) <= MAX_OTHERS_BYTES);
}

function boundedFinding(finding: Finding): Finding {
  const totals = Object.fromEntries(
    LISTS.flatMap((list) => {
      const count = finding[list]?.length ?? 0;
      return count > MAX_LISTED_IN_PAYLOAD ? [[list, count]] : [];
    }),
  );
  return {
    ...finding,
    expected: { ...finding.expected, text: cutText(finding.expected.text) },
    found: { ...finding.found, text: cutText(finding.found.text) },
    difference: cutDifference(finding.difference),
    staleSteps: finding.staleSteps.slice(0, MAX_LISTED_IN_PAYLOAD),
    rerunSteps: finding.rerunSteps.slice(0, MAX_LISTED_IN_PAYLOAD),
    ...defined({
      keeps: finding.keeps?.slice(0, MAX_LISTED_IN_PAYLOAD),
      repeats: finding.repeats
        ?.slice(0, MAX_LISTED_IN_PAYLOAD)
        .map(({ name, text }) => ({ name, text: cutText(text) })),
      advice: finding.advice === undefined ? undefined : cutText(finding.advice),
      totals: Object.keys(totals).length === 0 ? undefined : totals,
    }),
  };
}

function cutText(text: string): string {
  return text.length <= MAX_TEXT_IN_PAYLOAD ? text : `${text.slice(0, MAX_TEXT_IN_PAYLOAD).toWellFormed()}… (cut)`;
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
  return (
    findings.length < findingsTotal ||
    findings.some(({ difference, totals }) => totals !== undefined || difference.endsWith(' (cut)'))
  );
}

/** The names of a finding's list for people, with how many more the record has: `a, b and 7 more`. */
export function listedText(finding: Finding, list: FindingList): string {
  const shown = (finding[list] ?? []).map((one) => (typeof one === 'string' ? one : one.name));
  const more = (finding.totals?.[list] ?? shown.length) - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
