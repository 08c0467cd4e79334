/** What a job in this process asks, and what a person answers. */
import assert from 'node:assert/strict';
import type { Decision } from '../../src/model/question/decision.ts';
import type { Question } from '../../src/model/question/question.ts';
import { QuestionAsked, type TestJob } from '../../src/testing.ts';

/** The question that stops a step or an undoing. Fails when the work ends, or fails otherwise. */
export async function questionFrom(work: Promise<unknown>): Promise<Question> {
  return (await questionsFrom(work))[0]!;
}

/** The same, with what sub-steps ask beside it. */
export async function questionsFrom(work: Promise<unknown>): Promise<readonly Question[]> {
  const outcome = await work.then(
    (output) => `no question but ${JSON.stringify(output)}`,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof QuestionAsked, outcome instanceof Error ? outcome.stack : String(outcome));
  return [outcome.question, ...outcome.others];
}

/** The question that a comparison of the world with the record ends with. */
export async function comparedQuestion(job: TestJob): Promise<Question> {
  const result = await job.verify();
  assert.ok(result.kind === 'question', `the comparison ended with ${result.kind}`);
  return result.question;
}

/** Answers a question and returns the notes of its repair. Fails when the repair is refused. */
export async function decide(
  job: TestJob,
  question: Question,
  decision: Partial<Decision>,
): Promise<readonly string[]> {
  const result = await job.decide(question, decision);
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  return result.notes;
}
