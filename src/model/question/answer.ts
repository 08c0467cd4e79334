/** The answers that a person can choose, and the classes of findings that they answer. */
import * as z from 'zod';

/** Every answer there is. A finding offers only some of them. */
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
  'older',
  'anew',
  'rebuild',
  'abort',
]);
/** One word of a decision; what it does depends on the class of the finding: see `ANSWERS`. */
export type Answer = z.infer<typeof AnswerSchema>;

/** Every class of finding there is. */
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
  'checkpoint',
  'foreign',
]);
/** What sort of question a finding is; it settles which answers there are: see `ANSWERS`. */
export type FindingClass = z.infer<typeof FindingClassSchema>;

/** Answers that hold for a whole question only: they end or repeat everything. */
export const WHOLE_QUESTION_ONLY: readonly Answer[] = ['abort'];

/** What a decision answers, by resource. */
export type Answers = Readonly<Record<string, Answer>>;

/** The resources that a decision answers one way. */
export function answered(answers: Readonly<Record<string, Answer>>, answer: Answer): readonly string[] {
  return Object.keys(answers).filter((resource) => answers[resource] === answer);
}
