/**
 * A question to a person. It is bound to exactly what was found; if that changes, it is another question.
 *
 * Invariants
 * 1. digest = SHA-256(nonce, findings). The nonce is minted when the question is asked, so the same drift next week is
 *    another question.
 * 2. A question offers only what the table in `answer-table.ts` has for each finding, less what is impossible for it.
 * 3. What travels in payloads is bounded; the whole report is a blob.
 */
import * as z from 'zod';
import { ANSWERS } from './answer-table.ts';
import { FindingClassSchema, type Answer, type FindingClass } from './answer.ts';
import { digestOf, DigestSchema, type Digest } from '../digest.ts';
import { FindingSchema, findingsIdentity, type Finding } from './finding.ts';

/** The form of a question. */
export const QuestionSchema = z.strictObject({
  /** Always 1. */
  schemaVersion: z.literal(1),
  /** SHA-256 of nonce and findings, 64 hex digits: what a decision names. */
  digest: DigestSchema,
  /** Minted when the question is asked: the same findings next week are another question. */
  nonce: z.string(),
  /** The job that asks. */
  jobId: z.string(),
  /** The gravest class of its findings. */
  kind: FindingClassSchema,
  /** The step that waits, for questions of one step. */
  stepId: z.string().optional(),
  /** Of the intent that waits for the answer, 64 hex digits. Absent: it is about the world, or about a step as such. */
  token: DigestSchema.optional(),
  /** ISO 8601. */
  openedAt: z.string(),
  /** Why the world was compared. */
  why: z.string(),
  /** All, or of a long list the first: see `findingsTotal`. */
  findings: z.array(FindingSchema),
  /** How many there are in all; more than are listed only in payloads. */
  findingsTotal: z.int(),
  /** The whole question as a blob, where a payload was cut. */
  report: DigestSchema.optional(),
});
/** What a person is asked. It stays the same question while its findings are the same. */
export type Question = z.infer<typeof QuestionSchema>;

export function questionDigest(nonce: string, findings: readonly Finding[]): Digest {
  return digestOf({ nonce, findings: findingsIdentity(findings) });
}

/** The gravest first. */
const GRAVITY: readonly FindingClass[] = [
  'damaged',
  'checkpoint',
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

/** The class of the whole: the gravest of its findings'. */
export function questionKind(findings: readonly Finding[]): FindingClass {
  return GRAVITY.find((cls) => findings.some((finding) => finding.class === cls)) ?? 'discrepancy';
}

const ABOUT_ONE_STEP: readonly FindingClass[] = ['approval', 'stuck', 'in-doubt', 'undo'];

/** Has the Workflow, which was reset, what was undone since? It can't go on. Pure. */
export function restsOnWhatIsUndone({ findings }: Pick<Question, 'findings'>): boolean {
  return findings.some(({ kind }) => kind === 'undone-after-reset');
}

/** Does an open question of this kind hold back every step, or only its own? */
export function isAboutTheWorld(question: Pick<Question, 'kind'>): boolean {
  return !ABOUT_ONE_STEP.includes(question.kind);
}

/** Answers that can be given to the whole question at once: those that every finding offers. Pure. */
export function wholeAnswers(question: Pick<Question, 'findings'>): readonly Answer[] {
  const [first, ...rest] = question.findings;
  return first ? first.answers.filter((answer) => rest.every((finding) => finding.answers.includes(answer))) : [];
}

/** The answers of the table for a class, less the impossible ones. */
export function offeredAnswers(cls: FindingClass, impossible: readonly Answer[] = []): Answer[] {
  return (Object.keys(ANSWERS[cls]) as Answer[]).filter((answer) => !impossible.includes(answer));
}
