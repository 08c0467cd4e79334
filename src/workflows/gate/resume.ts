/** A step that failed and resumes by itself: it rests, the world is compared, and then it is requested again. */
import { sleep } from '@temporalio/workflow';
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { ResumedSteps } from '../state/resumed-steps.ts';
import type { StepBoard } from '../state/step-board.ts';
import type { Verification } from './verification.ts';

export interface ResumeParts {
  readonly board: StepBoard;
  readonly questions: OpenQuestions;
  readonly resumed: ResumedSteps;
  readonly verification: Verification;
}

/** @throws ApplicationFailure `aborted`; CancelledFailure */
export async function resumeStep(
  { board, questions, resumed, verification }: ResumeParts,
  stepId: string,
  failed: Extract<RunStepResult, { kind: 'resumes' }>,
  afterMs: number,
): Promise<void> {
  const { number, atMost, at, type, message } = failed;
  const which = `resume ${number} of at most ${atMost}`;
  const resumesAt = timeAfter(afterMs);
  board.set(stepId, { state: 'waiting', effects: `${which} at ${resumesAt}` });
  resumed.add({ stepId, number, atMost, failure: { type, message }, at, resumesAt });
  questions.onChange();
  if (afterMs > 0) await sleep(afterMs, { summary: `${stepId}: ${which}` });
  resumed.noteResumed(stepId);
  await verification.verify('resumed', `${stepId}: ${which}`);
  verification.cover(stepId);
}

function timeAfter(durationMs: number): string {
  // oxlint-disable-next-line layout/pure -- the sandbox's clock is the history's: the same in every replay
  return new Date(Date.now() + durationMs).toISOString();
}
