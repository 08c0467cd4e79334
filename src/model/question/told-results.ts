/** What a person says that calls answered: each call that happened and has no recorded answer gets exactly one. */
import type { Answer } from './answer.ts';
import { canonicalJson, type Json } from '../canonical-json.ts';
import { needsResult, type Finding } from './finding.ts';
import type { Question } from './question.ts';
import { MAX_RESULTS_CHARACTERS, type Decision } from './decision.ts';

/** Each call that `happened` and whose answer nobody has gets exactly one; an answer for anything else is refused. */
export function resultsOf(
  question: Question,
  decision: Decision,
  answers: Readonly<Record<string, Answer>>,
): { readonly results: Readonly<Record<string, Json>>; readonly problems: readonly string[] } {
  const wanting = question.findings
    .filter((finding) => answers[finding.resource] === 'happened' && needsResult(finding))
    .map(({ resource }) => resource);
  const results: Record<string, Json> = { ...decision.results };
  const problems: string[] = [];
  for (const resource of Object.keys(results)) {
    const finding = question.findings.find((one) => one.resource === resource);
    if (!wanting.includes(resource)) problems.push(notWanted(resource, finding, answers[resource]));
  }
  if (decision.result !== undefined) {
    const [only, ...more] = wanting;
    if (only === undefined)
      problems.push(
        notWanted(
          'result',
          question.findings.length === 1 ? question.findings[0] : undefined,
          Object.values(answers)[0],
        ),
      );
    else if (more.length > 0)
      problems.push(
        `result is given once for ${wanting.length} calls that happened; give results: {${wanting.map((resource) => `"${resource}": …`).join(', ')}}`,
      );
    else if (only in results) problems.push(`result and results both say what ${only} answered`);
    else results[only] = decision.result;
  }
  for (const resource of wanting)
    if (!(resource in results))
      problems.push(
        `happened for ${resource} needs what the call answered: give it as result (or results: {"${resource}": …}); null where it answers nothing`,
      );
  const length = Object.values(results).reduce<number>((sum, result) => sum + canonicalJson(result).length, 0);
  if (length > MAX_RESULTS_CHARACTERS)
    problems.push(`the results have ${length} characters; at most ${MAX_RESULTS_CHARACTERS} are taken`);
  return { results, problems };
}

function notWanted(resource: string, finding: Pick<Finding, 'kind'> | undefined, answer: Answer | undefined): string {
  if (answer === 'happened' && finding !== undefined && !needsResult(finding))
    return `${resource}: the record has what the call answered; give no result`;
  return `${resource}: a result belongs to a call that happened, and ${answer ?? 'nothing'} is answered`;
}
