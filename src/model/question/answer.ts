/** The answers that a person can choose, and the classes of findings that they answer. */
import * as z from 'zod';

export const AnswerSchema = z.enum([
  'accept',
  'restore',
  'rerun',
  'recheck',
  'approve',
  'reject',
  'skip',
  'overwrite',
  'undo',
  'keep',
  'happened',
  'repeat',
  'abort',
]);
export type Answer = z.infer<typeof AnswerSchema>;

export const FindingClassSchema = z.enum([
  'discrepancy',
  'unverifiable',
  'approval',
  'conflict',
  'ahead',
  'in-doubt',
  'stuck',
  'undo',
  'damaged',
  'foreign',
]);
export type FindingClass = z.infer<typeof FindingClassSchema>;

/** Answers that hold for a whole question only: they end or repeat everything. */
export const WHOLE_QUESTION_ONLY: readonly Answer[] = ['abort'];

/** What a decision answers, by resource. */
export type Answers = Readonly<Record<string, Answer>>;

/** The resources that a decision answers one way. */
export function answered(answers: Readonly<Record<string, Answer>>, answer: Answer): readonly string[] {
  return Object.keys(answers).filter((resource) => answers[resource] === answer);
}
