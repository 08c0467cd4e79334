/** What a person says that calls answered: each call that happened and has no recorded answer gets exactly one. */
import { canonicalJson, type Json } from '../canonical-json.ts';
import type { Answer } from './answer.ts';
import { MAX_RESULTS_CHARACTERS, type Decision } from './decision.ts';
import { needsResult, type Finding } from './finding.ts';
import type { Question } from './question.ts';

export interface ToldResults {
  /** Resource → what the call answered. */
  readonly results: Readonly<Record<string, Json>>;
  /** Results that are missing, or that belong to no call. */
  readonly problems: readonly string[];
}

export function resultsOf(
  question: Question,
  decision: Decision,
  answers: Readonly<Record<string, Answer>>,
): ToldResults {
  const happened = question.findings.filter(({ resource }) => answers[resource] === 'happened');
  const needed = happened.filter(needsResult).map(({ resource }) => resource);
  const results: Record<string, Json> = { ...decision.results };
  const problems: string[] = [];
  for (const resource of Object.keys(results)) {
    const finding = question.findings.find((one) => one.resource === resource);
    if (!needed.includes(resource)) problems.push(misplaced(resource, finding, answers[resource]));
  }
  if (decision.result !== undefined) {
    const [only] = needed;
    const problem = singleProblem(question, needed, results, answers);
    if (problem === undefined) results[only!] = decision.result;
    else problems.push(problem);
  }
  problems.push(...needed.filter((resource) => !(resource in results)).map(missing));
  const length = Object.values(results).reduce<number>((sum, result) => sum + canonicalJson(result).length, 0);
  if (length > MAX_RESULTS_CHARACTERS)
    problems.push(`the results have ${length} characters; at most ${MAX_RESULTS_CHARACTERS} are taken`);
  return { results, problems };
}

/** Why the single `result` can't be used; undefined: it belongs to the only call that needs one. */
function singleProblem(
  { findings }: Question,
  needed: readonly string[],
  results: Readonly<Record<string, Json>>,
  answers: Readonly<Record<string, Answer>>,
): string | undefined {
  const [only] = needed;
  if (only === undefined)
    return misplaced('result', findings.length === 1 ? findings[0] : undefined, Object.values(answers)[0]);
  if (needed.length > 1) {
    const example = needed.map((resource) => `"${resource}": …`).join(', ');
    return `result is given once for ${needed.length} calls that happened; give results: {${example}}`;
  }
  return only in results ? `result and results both say what ${only} answered` : undefined;
}

function missing(resource: string): string {
  const how = `give it as result (or results: {"${resource}": …}); null where it answers nothing`;
  return `happened for ${resource} needs what the call answered: ${how}`;
}

function misplaced(resource: string, finding: Pick<Finding, 'kind'> | undefined, answer: Answer | undefined): string {
  if (answer === 'happened' && finding !== undefined && !needsResult(finding))
    return `${resource}: the record has what the call answered; give no result`;
  return `${resource}: a result belongs to a call that happened, and ${answer ?? 'nothing'} is answered`;
}
