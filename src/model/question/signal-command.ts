/** The command that answers a question with nothing but Temporal's own command line. */
import { defined } from '../defined.ts';
import { needsResult } from './finding.ts';
import { wholeAnswers, type Question } from './question.ts';

/** With the first answer that the whole question offers, else with the first of each finding. */
export function signalCommand(workflowId: string, question: Question): string {
  const { digest, findings } = question;
  const [answer] = wholeAnswers(question);
  const items: Readonly<Record<string, unknown>> = Object.fromEntries(
    findings.map((finding) => [finding.resource, finding.answers[0]]),
  );
  const body = defined({
    digest,
    items: answer === undefined ? items : undefined,
    answer,
    ...resultsToTell(question, answer),
    by: 'you@example.com',
    reason: 'why',
  });
  const input = shellQuote(JSON.stringify(body));
  return `temporal workflow signal --workflow-id ${shellQuote(workflowId)} --name decide --input ${input}`;
}

/** Places for what calls answered, where the answers are `happened`. */
function resultsToTell(question: Question, answer: string | undefined): object {
  const happened = question.findings.filter((finding) => (answer ?? finding.answers[0]) === 'happened');
  const resources = happened.filter(needsResult).map(({ resource }) => resource);
  if (resources.length === 0) return {};
  if (resources.length === 1) return { result: null };
  return { results: Object.fromEntries(resources.map((resource) => [resource, null])) };
}

function shellQuote(text: string): string {
  if (/^[\w./:@-]+$/.test(text)) return text;
  const escaped = text.replaceAll("'", String.raw`'\''`);
  return `'${escaped}'`;
}
