/** What the result of a step asks, its sub-steps' questions among it. */
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { Question } from '../../model/question/question.ts';

/** The step's own first. */
export function questionsOf(result: RunStepResult): readonly Question[] {
  if (!('question' in result)) return [];
  return [result.question, ...(result.kind === 'question' ? (result.others ?? []) : [])];
}

/** Does it tell all that the step and its sub-steps ask? */
export function saysWhatIsAsked({ kind }: RunStepResult): boolean {
  return kind === 'question' || kind === 'done' || kind === 'failed';
}
