/**
 * Can a decision be used for a question, and which answer does each finding get?
 *
 * Invariants
 * 1. A decision names the digest of what the person saw; any other digest is refused.
 * 2. Every finding gets exactly one answer, and only one that it offers.
 * 3. Contradictory answers are refused, never ordered by guess.
 * 4. `happened` brings the call's answer where the record has none; an answer that belongs to no call is refused.
 */
import type { Json } from '../canonical-json.ts';
import { shortDigest } from '../digest.ts';
import { ANSWERS } from './answer-table.ts';
import { WHOLE_QUESTION_ONLY, type Answer } from './answer.ts';
import { contradictions } from './contradictions.ts';
import type { Decision } from './decision.ts';
import type { Finding } from './finding.ts';
import { wholeAnswers, type Question } from './question.ts';
import { resultsOf } from './told-results.ts';
import { runsAgain, statementsOf, unnamedRepeats } from './unrepeatable.ts';

const MAX_RESOURCES_SHOWN = 5;

/** Can a decision be used for a question, and if so, which answer does each finding get? */
export type Ruling =
  | {
      /** False: nothing of it is carried out. */
      readonly usable: true;
      /** Resource → answer. */
      readonly answers: Readonly<Record<string, Answer>>;
      /** What calls answered that `happened`, by resource. */
      readonly results: Readonly<Record<string, Json>>;
      /** What of steps that run again is made anew, too, though nothing undoes it: calls, statements; by name. */
      readonly again: readonly string[];
    }
  | {
      readonly usable: false;
      /** Why, one sentence each. */
      readonly problems: readonly string[];
    };

/**
 * Which answer each finding gets. Pure.
 * `question.findings` may be cut (payload); then only whole-question answers and listed resources can be checked here,
 * and the ledger's whole question is ruled again before anything is done.
 */
export function ruleOn(question: Question, decision: Decision): Ruling {
  if (decision.digest !== question.digest) return { usable: false, problems: [otherQuestion(question, decision)] };
  const items = decision.items ?? {};
  const again = Object.keys(items).filter((name) => isNotUndone(question, name));
  const problems = [...itemProblems(question, items, again), ...wholeProblems(question, decision)];
  const { answers, problems: answerProblems } = answersOf(question, decision);
  problems.push(...answerProblems);
  problems.push(...contradictions(question, answers));
  for (const resource of again) problems.push(...againProblems(question, answers, resource, items[resource]!));
  problems.push(...unnamedRepeats(question.findings, answers, again));
  const { results, problems: resultProblems } = resultsOf(question, decision, answers);
  problems.push(...resultProblems);
  return problems.length > 0 ? { usable: false, problems } : { usable: true, answers, results, again };
}

function otherQuestion(question: Question, decision: Decision): string {
  return `the decision names question ${shortDigest(decision.digest)}; the open one is ${shortDigest(question.digest)}`;
}

/** Does it name no finding, but what a finding's step has done that nothing undoes: a call, or statements? */
function isNotUndone({ findings }: Question, name: string): boolean {
  const isListed = findings.some((finding) => finding.resource === name);
  return !isListed && findings.some((finding) => leavesDone(finding, name));
}

/** Statements that have an undo may be named as well: the database may refuse it. */
function leavesDone({ keeps, repeats, rerunSteps }: Finding, name: string): boolean {
  const isOfStep = rerunSteps.some((stepId) => statementsOf(stepId) === name);
  return isOfStep || keeps?.includes(name) === true || repeats?.some((step) => step.name === name) === true;
}

function itemProblems(
  { findings, findingsTotal }: Question,
  items: Readonly<Record<string, Answer>>,
  again: readonly string[],
): string[] {
  const problems: string[] = [];
  const listed = findings.map(({ resource }) => resource);
  const isCut = findingsTotal > findings.length || findings.some(({ totals }) => totals !== undefined);
  for (const [resource, answer] of Object.entries(items)) {
    if (again.includes(resource)) continue;
    if (!listed.includes(resource) && !isCut) {
      const shown = listed.slice(0, MAX_RESOURCES_SHOWN).join(', ');
      problems.push(`items names ${resource}, which the question does not; it asks about ${shown}`);
    }
    if (WHOLE_QUESTION_ONLY.includes(answer))
      problems.push(`${answer} holds for the whole question; give it as "answer", without items`);
  }
  return problems;
}

function wholeProblems(question: Question, { answer, items = {}, compensate = false }: Decision): string[] {
  const problems: string[] = [];
  const hasItems = Object.keys(items).length > 0;
  if (answer === undefined && !hasItems)
    problems.push(`no answer is given; offered: ${wholeAnswers(question).join(', ')}`);
  if (compensate && answer !== 'abort')
    problems.push('compensate undoes what the job did when it is aborted; give it with "answer": "abort"');
  if (compensate && question.kind === 'undo')
    problems.push('the job is being undone already; abort without compensate ends that');
  if (compensate && question.kind === 'checkpoint')
    problems.push('without the record that the checkpoint has nothing can be undone; abort without compensate');
  if (answer === 'abort' && hasItems) problems.push('abort ends the job; items beside it contradict it');
  return problems;
}

interface ChosenAnswers {
  readonly answers: Readonly<Record<string, Answer>>;
  readonly problems: readonly string[];
}

function answersOf(question: Question, decision: Decision): ChosenAnswers {
  const answers: Record<string, Answer> = {};
  const problems: string[] = [];
  for (const { resource, kind, class: cls, answers: offered } of question.findings) {
    const answer = decision.items?.[resource] ?? decision.answer;
    const offeredText = `offered: ${offered.join(', ')}`;
    if (answer === undefined) problems.push(`${resource} has no answer; ${offeredText}`);
    else if (!offered.includes(answer) || ANSWERS[cls][answer] === undefined)
      problems.push(`${answer} is not offered for ${resource} (${kind}); ${offeredText}`);
    else answers[resource] = answer;
  }
  return { answers, problems };
}

/** What nothing undoes may be made anew (`repeat`) where its step runs again; it has no other answer. */
function againProblems(
  { findings }: Question,
  answers: Readonly<Record<string, Answer>>,
  resource: string,
  answer: Answer,
): string[] {
  if (answer !== 'repeat') {
    const offered = 'offered: repeat (a call that is left out keeps its answer)';
    return [`${answer} is not offered for ${resource}, which nothing undoes; ${offered}`];
  }
  const owners = findings.filter((finding) => leavesDone(finding, resource));
  if (owners.some((finding) => runsAgain(answers[finding.resource]))) return [];
  return [`repeat for ${resource} holds only where its step runs again; nothing here makes it run again`];
}
