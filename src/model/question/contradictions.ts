/** Chosen answers that exclude each other: they are refused, never ordered by guess. */
import { answered, type Answer } from './answer.ts';
import type { Question } from './question.ts';

/** A step that is undone and run again rewrites what it wrote: another answer for such a resource would be undone with it. */
export function contradictions(question: Question, answers: Readonly<Record<string, Answer>>): string[] {
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
