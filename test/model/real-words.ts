/** The model's answers as a person gives them, and failures of the code as the model names them. */
import { defined } from '../../src/model/defined.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { Decision } from '../../src/model/question/decision.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { Answer } from './state.ts';

export function chosen(answers: readonly Answer[], { findings }: Question): Pick<Decision, 'answer' | 'items'> {
  const [first] = answers;
  if (answers.every((answer) => answer === first)) return { answer: first! };
  return defined({ items: Object.fromEntries(findings.map(({ resource }, at) => [resource, answers[at]!])) });
}

export function kindOfFailure(error: unknown): string {
  if (isFailure(error, 'fenced')) return 'fenced';
  throw error;
}
