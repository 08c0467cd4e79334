/**
 * Can a decision be used for a question, and which answer does each finding get?
 *
 * Invariants
 * 1. A decision names the digest of what the person saw; any other digest is refused.
 * 2. Every finding gets exactly one answer, and only one that it offers.
 * 3. Contradictory answers are refused, never ordered by guess.
 * 4. `happened` brings the call's answer where the record has none; an answer that belongs to no call is refused.
 */
import { ANSWERS } from './answer-table.ts';
import { WHOLE_QUESTION_ONLY, type Answer } from './answer.ts';
import type { Json } from '../canonical-json.ts';
import { shortDigest } from '../digest.ts';
import { wholeAnswers, type Question } from './question.ts';
import type { Decision } from './decision.ts';
import { resultsOf } from './told-results.ts';
import { contradictions } from './contradictions.ts';

export type Ruling =
  | {
      readonly usable: true;
      readonly answers: Readonly<Record<string, Answer>>;
      /** What calls answered that `happened`, by resource. */
      readonly results: Readonly<Record<string, Json>>;
      /** Calls of steps that run again which are made anew, too, by resource. */
      readonly again: readonly string[];
    }
  | { readonly usable: false; readonly problems: readonly string[] };

/**
 * Which answer each finding gets. Pure.
 * `question.findings` may be cut (payload); then only whole-question answers and listed resources can be checked here,
 * and the ledger's whole question is ruled again before anything is done.
 */
export function ruleOn(question: Question, decision: Decision): Ruling {
  const problems: string[] = [];
  if (decision.digest !== question.digest) {
    return {
      usable: false,
      problems: [
        `the decision names question ${shortDigest(decision.digest)}; the open one is ${shortDigest(question.digest)}`,
      ],
    };
  }
  const items = decision.items ?? {};
  const listed = new Map(question.findings.map((finding) => [finding.resource, finding]));
  const isCut = question.findingsTotal > question.findings.length;
  const again = Object.keys(items).filter(
    (resource) => !listed.has(resource) && question.findings.some(({ keeps }) => keeps?.includes(resource)),
  );
  for (const [resource, answer] of Object.entries(items)) {
    if (again.includes(resource)) continue;
    if (!listed.has(resource) && !isCut)
      problems.push(
        `items names ${resource}, which the question does not; it asks about ${[...listed.keys()].slice(0, 5).join(', ')}`,
      );
    if (WHOLE_QUESTION_ONLY.includes(answer))
      problems.push(`${answer} holds for the whole question; give it as "answer", without items`);
  }
  if (decision.answer === undefined && Object.keys(items).length === 0)
    problems.push(`no answer is given; offered: ${wholeAnswers(question).join(', ')}`);
  if (decision.compensate === true && decision.answer !== 'abort')
    problems.push('compensate undoes what the job did when it is aborted; give it with "answer": "abort"');
  if (decision.compensate === true && question.kind === 'undo')
    problems.push('the job is being undone already; abort without compensate ends that');
  if (decision.answer === 'abort' && Object.keys(items).length > 0)
    problems.push('abort ends the job; items beside it contradict it');

  const answers: Record<string, Answer> = {};
  for (const finding of question.findings) {
    const answer = items[finding.resource] ?? decision.answer;
    if (answer === undefined)
      problems.push(`${finding.resource} has no answer; offered: ${finding.answers.join(', ')}`);
    else if (!finding.answers.includes(answer) || ANSWERS[finding.class][answer] === undefined) {
      problems.push(
        `${answer} is not offered for ${finding.resource} (${finding.kind}); offered: ${finding.answers.join(', ')}`,
      );
    } else answers[finding.resource] = answer;
  }
  problems.push(...contradictions(question, answers));
  for (const resource of again) problems.push(...againProblems(question, answers, resource, items[resource]!));
  const { results, problems: resultProblems } = resultsOf(question, decision, answers);
  problems.push(...resultProblems);
  return problems.length > 0 ? { usable: false, problems } : { usable: true, answers, results, again };
}

/** A call that is kept when its step runs again may be made anew; nothing else can be said of it. */
function againProblems(
  question: Question,
  answers: Readonly<Record<string, Answer>>,
  resource: string,
  answer: Answer,
): string[] {
  if (answer !== 'repeat')
    return [
      `${answer} is not offered for ${resource}, a call that can't be undone; offered: repeat (left out, its answer is kept)`,
    ];
  const runsAgain = question.findings.some(
    (finding) =>
      finding.keeps?.includes(resource) === true && ['rerun', 'undo'].includes(answers[finding.resource] ?? ''),
  );
  return runsAgain
    ? []
    : [`repeat for ${resource} holds only where its step runs again; nothing here makes it run again`];
}
