/** Puts to a person that a step can't go on for a reason outside its own code. */
import type { Question } from '../../model/question/question.ts';
import { callAskStuck } from '../activities.ts';
import type { JobIdentity } from '../state/run-origin.ts';
import type { StepBoard } from '../state/step-board.ts';
import type { WorkerWatch } from '../state/worker-watch.ts';
import type { StuckStep } from './asked.ts';

const MAX_MESSAGE_CHARACTERS = 4_000;

interface StuckParts {
  readonly identity: JobIdentity;
  readonly board: StepBoard;
  readonly watch: WorkerWatch;
}

/** Safe to repeat: the same matter is the same question. */
export async function askStuck(
  { identity, board, watch }: StuckParts,
  { stepId, failure, rerun }: StuckStep,
): Promise<Question> {
  board.set(stepId, { state: 'stuck' });
  const { type } = failure;
  const message = failure.message.slice(0, MAX_MESSAGE_CHARACTERS);
  const request = { ...identity, stepId, type, message, rerun: [...rerun] };
  return await watch.untilTaken({ activity: 'askStuck' }, (withinMs) => callAskStuck(request, withinMs));
}
