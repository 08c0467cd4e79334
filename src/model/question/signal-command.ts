/** The command that answers a question with nothing but Temporal's own command line. */
import { defined } from '../defined.ts';
import { UNSEEN } from '../readable-line.ts';
import { quotedWord } from '../shell-word.ts';
import { WHOLE_QUESTION_ONLY, type Answer } from './answer.ts';
import { needsResult } from './finding.ts';
import { wholeAnswers, type Question } from './question.ts';

/** In the place of an answer: pasted as it stands it is refused, so that nobody gives an answer unread. */
export const ANSWER_PLACE = 'ANSWER';

/**
 * The line to type with Temporal's own command line: for the whole question where it can have one answer, else for each
 * finding. ANSWER, `by` and `reason` are filled in by hand. Pure.
 */
export function signalCommand(workflowId: string, question: Question): string {
  const { digest, findings } = question;
  const answers = wholeAnswers(question);
  const items = Object.fromEntries(findings.map(({ resource }) => [resource, ANSWER_PLACE]));
  const isWhole = answers.some((answer) => !WHOLE_QUESTION_ONLY.includes(answer));
  const body = defined({
    digest,
    items: isWhole ? undefined : items,
    answer: isWhole ? ANSWER_PLACE : undefined,
    ...resultsToTell(question, answers),
    by: 'you@example.com',
    reason: 'why',
  });
  const input = shellQuote(visible(JSON.stringify(body)));
  return `temporal workflow signal --workflow-id ${shellQuote(workflowId)} --name decide --input ${input}`;
}

/** Places for what calls answered, where the answers are `happened`. */
function resultsToTell(question: Question, answers: readonly Answer[]): object {
  if (answers[0] !== 'happened') return {};
  const resources = question.findings.filter(needsResult).map(({ resource }) => resource);
  if (resources.length === 0) return {};
  if (resources.length === 1) return { result: null };
  return { results: Object.fromEntries(resources.map((resource) => [resource, null])) };
}

/** JSON in which what hides, or can't be told from something else, is escaped. */
function visible(json: string): string {
  return json.replaceAll(UNSEEN, escaped).replaceAll(/\p{M}/gu, escaped);
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, place) => {
    return `\\u${character.charCodeAt(place).toString(16).padStart(4, '0')}`;
  }).join('');
}

function shellQuote(text: string): string {
  if (/^[\w./:@-]+$/.test(text)) return text;
  return quotedWord(text);
}
