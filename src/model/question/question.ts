/**
 * What a person is asked. A question is bound to exactly what was found; if that changes, it is another question.
 *
 * Invariants
 * 1. digest = SHA-256(nonce, findings). The nonce is minted when the question is asked, so the same drift next week is
 *    another question.
 * 2. A question offers only what the table in `answer.ts` has for each finding, less what is impossible for it.
 * 3. What travels in payloads is bounded; the whole report is a blob.
 */
import * as z from 'zod';
import { AnswerSchema, ANSWERS, FindingClassSchema, type Answer, type FindingClass } from './answer.ts';
import { digestOf, DigestSchema, type Digest } from '../digest.ts';

export const FindingKindSchema = z.enum([
  'changed',
  'missing',
  'appeared',
  'kind-changed',
  'mode-changed',
  'unreadable',
  'unreachable',
  'row-changed',
  'row-missing',
  'row-appeared',
  'schema-changed',
  'table-missing',
  'token-missing',
  'token-unknown',
  'token-changed',
  'database-replaced',
  'database-restored',
  'watch-changed',
  'code-changed',
  'plan-changed',
  'ledger-behind',
  'ledger-missing',
  'ledger-damaged',
  'blob-damaged',
  'workspace-missing',
  'bound-to-another-job',
  'ahead-after-reset',
  'target-neither-before-nor-after',
  'approval',
  'outcome-unknown',
  'performed-otherwise',
  'performed-and-not-asked-for',
  'step-cannot-go-on',
  'decision-not-carried-out',
  'inputs-keep-changing',
  'output-in-the-way',
  'changed-since',
  'compensation-failed',
  'undone-after-reset',
]);
export type FindingKind = z.infer<typeof FindingKindSchema>;

/** One side of a finding. `text`: for people. */
export const SideSchema = z.strictObject({
  digest: DigestSchema.nullable(),
  sizeBytes: z.int().optional(),
  mode: z.string().optional(),
  text: z.string(),
});

export const FindingSchema = z.strictObject({
  resource: z.string(),
  class: FindingClassSchema,
  kind: FindingKindSchema,
  expected: SideSchema,
  found: SideSchema,
  recordedBy: z.strictObject({ stepId: z.string(), generation: z.int(), seq: z.int(), at: z.string() }).optional(),
  /** Steps that used what has changed, and steps that used theirs. `accept` leaves them as they are. */
  staleSteps: z.array(z.string()),
  /** What `rerun` runs again. */
  rerunSteps: z.array(z.string()),
  /** Calls of those steps that can't be undone: their answers are kept, but for those that `items` answers `repeat`. */
  keeps: z.array(z.string()).optional(),
  /** Readable, cut to a bound. */
  difference: z.string(),
  /** Offered answers, in the order of the table. */
  answers: z.array(AnswerSchema),
  /** What the person should do, where it is not plain. */
  advice: z.string().optional(),
});
export type Finding = z.infer<typeof FindingSchema>;

export const QuestionSchema = z.strictObject({
  schemaVersion: z.literal(1),
  digest: DigestSchema,
  nonce: z.string(),
  jobId: z.string(),
  kind: FindingClassSchema,
  /** The step that waits, for questions of one step. */
  stepId: z.string().optional(),
  token: DigestSchema.optional(),
  openedAt: z.string(),
  /** Why the world was compared. */
  why: z.string(),
  findings: z.array(FindingSchema),
  /** How many there are in all; more than are listed only in payloads. */
  findingsTotal: z.int(),
  /** The whole question as a blob, where a payload was cut. */
  report: DigestSchema.optional(),
});
export type Question = z.infer<typeof QuestionSchema>;

/** What identifies findings: texts for people left out. */
export function findingsIdentity(findings: readonly Finding[]): Digest {
  return digestOf(
    findings.map(({ resource, class: cls, kind, expected, found }) => ({
      resource,
      class: cls,
      kind,
      expected: expected.digest ?? expected.text,
      found: found.digest ?? found.text,
    })),
  );
}

export function questionDigest(nonce: string, findings: readonly Finding[]): Digest {
  return digestOf({ nonce, findings: findingsIdentity(findings) });
}

/** The class of the whole: the gravest of its findings'. */
const GRAVITY: readonly FindingClass[] = [
  'damaged',
  'foreign',
  'unverifiable',
  'conflict',
  'ahead',
  'discrepancy',
  'in-doubt',
  'undo',
  'stuck',
  'approval',
];
export function questionKind(findings: readonly Finding[]): FindingClass {
  return GRAVITY.find((cls) => findings.some((finding) => finding.class === cls)) ?? 'discrepancy';
}

/** Does an open question of this kind hold back every step, or only its own? */
export function isAboutTheWorld(question: Pick<Question, 'kind'>): boolean {
  return (
    question.kind !== 'approval' &&
    question.kind !== 'stuck' &&
    question.kind !== 'in-doubt' &&
    question.kind !== 'undo'
  );
}

/** Must `happened` come with the call's answer? Of the other calls the record has it. */
export function needsResult(finding: Pick<Finding, 'kind'>): boolean {
  return finding.kind === 'outcome-unknown';
}

/** Answers that can be given to the whole question at once: those that every finding offers. */
export function wholeAnswers(question: Pick<Question, 'findings'>): readonly Answer[] {
  const [first, ...rest] = question.findings;
  return first ? first.answers.filter((answer) => rest.every((finding) => finding.answers.includes(answer))) : [];
}

/** The answers of the table for a class, less the impossible ones. */
export function offeredAnswers(cls: FindingClass, impossible: readonly Answer[] = []): Answer[] {
  return (Object.keys(ANSWERS[cls]) as Answer[]).filter((answer) => !impossible.includes(answer));
}

export const MAX_FINDINGS_IN_PAYLOAD = 20;
export const MAX_DIFFERENCE_IN_PAYLOAD = 2_000;

/** The question as it travels in payloads: at most 20 findings, differences cut. Its digest is that of the whole. */
export function boundedQuestion(question: Question): Question {
  return {
    ...question,
    findings: question.findings
      .slice(0, MAX_FINDINGS_IN_PAYLOAD)
      .map((finding) =>
        finding.difference.length <= MAX_DIFFERENCE_IN_PAYLOAD
          ? finding
          : { ...finding, difference: cutDifference(finding.difference) },
      ),
  };
}

function cutDifference(difference: string): string {
  const [kept, rest] = [difference.slice(0, MAX_DIFFERENCE_IN_PAYLOAD), difference.slice(MAX_DIFFERENCE_IN_PAYLOAD)];
  const lines = rest.split('\n').length;
  return `${kept.toWellFormed()}\n… ${lines === 1 ? 'part of a line' : `${lines} more lines`} (cut)`;
}

/** Does a payload hold less of it than the record? */
export function isCutQuestion({ findings, findingsTotal }: Pick<Question, 'findings' | 'findingsTotal'>): boolean {
  return findings.length < findingsTotal || findings.some(({ difference }) => difference.endsWith(' (cut)'));
}
