/**
 * A person's answer to one question, and whether it can be used.
 *
 * Invariants
 * 1. A decision names the digest of what the person saw; any other digest is refused.
 * 2. Every finding gets exactly one answer, and only one that it offers.
 * 3. Contradictory answers are refused, never ordered by guess.
 */
import * as z from 'zod';
import { AnswerSchema, ANSWERS, WHOLE_QUESTION_ONLY, type Answer } from './answer.ts';
import { DigestSchema, shortDigest } from './digest.ts';
import { wholeAnswers, type Question } from './question.ts';

export const DecisionSchema = z.strictObject({
  /** The question's digest, as `holdfast question` and the Temporal UI show it. */
  digest: DigestSchema,
  /** For every finding that `items` doesn't name. */
  answer: AnswerSchema.optional(),
  by: z.string().min(1, 'expected who decides, for example an email address').max(200),
  reason: z.string().min(1, 'expected why, in a few words').max(2_000),
  /** Resource → answer. */
  items: z.record(z.string(), AnswerSchema).optional(),
});
export type Decision = z.infer<typeof DecisionSchema>;

export type Ruling =
  | { readonly usable: true; readonly answers: Readonly<Record<string, Answer>> }
  | { readonly usable: false; readonly problems: readonly string[] };

/** Parses what came by Signal, Update or command line. Never throws. */
export function parseDecision(value: unknown): { readonly decision: Decision } | { readonly problems: readonly string[] } {
  const parsed = DecisionSchema.safeParse(value);
  if (parsed.success) return { decision: parsed.data };
  return {
    problems: parsed.error.issues.map((issue) => `${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`),
  };
}

/**
 * Which answer each finding gets. Pure.
 * `question.findings` may be cut (payload); then only whole-question answers and listed resources can be checked here,
 * and the ledger's whole question is ruled again before anything is done.
 */
export function ruleOn(question: Question, decision: Decision): Ruling {
  const problems: string[] = [];
  if (decision.digest !== question.digest) {
    return { usable: false, problems: [`the decision names question ${shortDigest(decision.digest)}; the open one is ${shortDigest(question.digest)}`] };
  }
  const items = decision.items ?? {};
  const listed = new Map(question.findings.map((finding) => [finding.resource, finding]));
  const isCut = question.findingsTotal > question.findings.length;
  for (const [resource, answer] of Object.entries(items)) {
    if (!listed.has(resource) && !isCut) problems.push(`items names ${resource}, which the question does not; it asks about ${[...listed.keys()].slice(0, 5).join(', ')}`);
    if (WHOLE_QUESTION_ONLY.includes(answer)) problems.push(`${answer} holds for the whole question; give it as "answer", without items`);
  }
  if (decision.answer === undefined && Object.keys(items).length === 0) problems.push(`no answer is given; offered: ${wholeAnswers(question).join(', ')}`);
  if (decision.answer === 'abort' && Object.keys(items).length > 0) problems.push('abort ends the job; items beside it contradict it');

  const answers: Record<string, Answer> = {};
  for (const finding of question.findings) {
    const answer = items[finding.resource] ?? decision.answer;
    if (answer === undefined) problems.push(`${finding.resource} has no answer; offered: ${finding.answers.join(', ')}`);
    else if (!finding.answers.includes(answer) || ANSWERS[finding.class][answer] === undefined) {
      problems.push(`${answer} is not offered for ${finding.resource} (${finding.kind}); offered: ${finding.answers.join(', ')}`);
    } else answers[finding.resource] = answer;
  }
  problems.push(...contradictions(question, answers));
  return problems.length > 0 ? { usable: false, problems } : { usable: true, answers };
}

/** A step that is undone and run again rewrites what it wrote: another answer for such a resource would be undone with it. */
function contradictions(question: Question, answers: Readonly<Record<string, Answer>>): string[] {
  const problems: string[] = [];
  const undone = answered(answers, 'undo');
  const others = Object.keys(answers).filter((resource) => answers[resource] !== 'undo');
  if (undone.length > 0 && others.length > 0) problems.push(`undo for ${undone[0]} takes the whole step back; ${answers[others[0]!]} for ${others[0]} contradicts it`);
  const rerun = new Map<string, string>();
  for (const finding of question.findings) {
    if (answers[finding.resource] === 'rerun') for (const step of finding.rerunSteps) rerun.set(step, finding.resource);
  }
  for (const finding of question.findings) {
    const answer = answers[finding.resource];
    const cause = finding.recordedBy && rerun.get(finding.recordedBy.stepId);
    const isWritten = finding.class === 'discrepancy' && finding.recordedBy !== undefined;
    if (cause !== undefined && isWritten && (answer === 'restore' || answer === 'accept') && cause !== finding.resource && /^(file|row):/.test(finding.resource)) {
      problems.push(`${answer} for ${finding.resource} contradicts rerun for ${cause}: step ${finding.recordedBy!.stepId} runs again and writes it anew`);
    }
  }
  return problems;
}

/** The resources that a decision answers one way. */
export function answered(answers: Readonly<Record<string, Answer>>, answer: Answer): readonly string[] {
  return Object.keys(answers).filter((resource) => answers[resource] === answer);
}
