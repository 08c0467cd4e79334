/**
 * A person's answer to one question, and whether it can be used.
 *
 * Invariants
 * 1. A decision names the digest of what the person saw; any other digest is refused.
 * 2. Every finding gets exactly one answer, and only one that it offers.
 * 3. Contradictory answers are refused, never ordered by guess.
 * 4. `happened` brings the call's answer where nobody else has it; an answer that belongs to nothing is refused.
 */
import * as z from 'zod';
import { AnswerSchema, ANSWERS, WHOLE_QUESTION_ONLY, type Answer } from './answer.ts';
import { canonicalJson, type Json } from '../canonical-json.ts';
import { DigestSchema, shortDigest } from '../digest.ts';
import { isFailure } from '../failure.ts';
import { needsResult, wholeAnswers, type Finding, type Question } from './question.ts';

/** All results of a decision together: they are in the history, in the record and in what the step goes on with. */
export const MAX_RESULTS_CHARACTERS = 64 * 1024;

/** Not `z.json()`: a value nested deep enough would end the reader, and with it a Signal's handler. */
const ResultSchema = z.custom<Json>().superRefine((value, context) => {
  try {
    const length = canonicalJson(value, 'result').length;
    if (length > MAX_RESULTS_CHARACTERS)
      context.addIssue({
        code: 'custom',
        message: `the result has ${length} characters; at most ${MAX_RESULTS_CHARACTERS} are taken`,
      });
  } catch (error) {
    if (!isFailure(error)) throw error;
    context.addIssue({ code: 'custom', message: `expected plain JSON: ${error.message}` });
  }
});

export const DecisionSchema = z.strictObject({
  /** The question's digest, as `holdfast question` and the Temporal UI show it. */
  digest: DigestSchema,
  /** For every finding that `items` doesn't name. */
  answer: AnswerSchema.optional(),
  by: z.string().min(1, 'expected who decides, for example an email address').max(200),
  reason: z.string().min(1, 'expected why, in a few words').max(2_000),
  /** For `abort`: undo what the job did, newest first, each effect only where the world still shows it. Default: it stays. */
  compensate: z.boolean().optional(),
  /** Resource → answer. */
  items: z.record(z.string(), AnswerSchema).optional(),
  /** For `happened`: what the call answered; `null` where it answers nothing. Where it is one finding's. */
  result: ResultSchema.optional(),
  /** The same for several: resource → what the call answered. */
  results: z.record(z.string(), ResultSchema).optional(),
});
export type Decision = z.infer<typeof DecisionSchema>;

/** Ends a job that need not ask anything. */
export const AbortSchema = z.strictObject({
  by: z.string().min(1, 'expected who aborts, for example an email address').max(200),
  reason: z.string().min(1, 'expected why, in a few words').max(2_000),
  /** Undo what the job did, newest first. Default: it stays. */
  compensate: z.boolean().optional(),
});
export type Abort = z.infer<typeof AbortSchema>;

export function parseAbort(value: unknown): { readonly abort: Abort } | { readonly problems: readonly string[] } {
  const parsed = AbortSchema.safeParse(value);
  return parsed.success ? { abort: parsed.data } : { problems: problemsIn(parsed.error) };
}

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

/** Parses what came by Signal, Update or command line. Never throws. */
export function parseDecision(
  value: unknown,
): { readonly decision: Decision } | { readonly problems: readonly string[] } {
  const parsed = DecisionSchema.safeParse(value);
  if (parsed.success) return { decision: parsed.data };
  return { problems: problemsIn(parsed.error) };
}

function problemsIn({ issues }: z.ZodError): string[] {
  return issues.map((issue) => `${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`);
}

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

/** Each call that `happened` and whose answer nobody has gets exactly one; an answer for anything else is refused. */
function resultsOf(
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

/** A step that is undone and run again rewrites what it wrote: another answer for such a resource would be undone with it. */
function contradictions(question: Question, answers: Readonly<Record<string, Answer>>): string[] {
  const problems: string[] = [];
  const undone = answered(answers, 'undo');
  const others = Object.keys(answers).filter((resource) => answers[resource] !== 'undo');
  if (undone.length > 0 && others.length > 0)
    problems.push(
      `undo for ${undone[0]} takes the whole step back; ${answers[others[0]!]} for ${others[0]} contradicts it`,
    );
  const rerun = new Map<string, string>();
  for (const finding of question.findings) {
    if (answers[finding.resource] === 'rerun') for (const step of finding.rerunSteps) rerun.set(step, finding.resource);
  }
  for (const finding of question.findings) {
    const answer = answers[finding.resource];
    const cause = finding.recordedBy && rerun.get(finding.recordedBy.stepId);
    const isWritten = finding.class === 'discrepancy' && finding.recordedBy !== undefined;
    if (
      cause !== undefined &&
      isWritten &&
      (answer === 'restore' || answer === 'accept') &&
      cause !== finding.resource &&
      /^(file|row):/.test(finding.resource)
    ) {
      problems.push(
        `${answer} for ${finding.resource} contradicts rerun for ${cause}: step ${finding.recordedBy!.stepId} runs again and writes it anew`,
      );
    }
  }
  return problems;
}

/** The resources that a decision answers one way. */
export function answered(answers: Readonly<Record<string, Answer>>, answer: Answer): readonly string[] {
  return Object.keys(answers).filter((resource) => answers[resource] === answer);
}
