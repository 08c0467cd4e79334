/** The command that answers a question with nothing but Temporal's own command line. */
import { needsResult } from './finding.ts';
import { wholeAnswers, type Question } from './question.ts';

/** The command that answers a question with nothing but Temporal's own command line. */
export function signalCommand(workflowId: string, question: Question): string {
  const answer = wholeAnswers(question)[0];
  const told = question.findings.filter(
    (finding) => (answer ?? finding.answers[0]) === 'happened' && needsResult(finding),
  );
  const results =
    told.length === 0
      ? {}
      : told.length === 1
        ? { result: null }
        : { results: Object.fromEntries(told.map(({ resource }) => [resource, null])) };
  const body =
    answer === undefined
      ? {
          digest: question.digest,
          items: Object.fromEntries(question.findings.map((finding) => [finding.resource, finding.answers[0]])),
          ...results,
          by: 'you@example.com',
          reason: 'why',
        }
      : { digest: question.digest, answer, ...results, by: 'you@example.com', reason: 'why' };
  return `temporal workflow signal --workflow-id ${shellQuote(workflowId)} --name decide --input ${shellQuote(JSON.stringify(body))}`;
}

function shellQuote(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
