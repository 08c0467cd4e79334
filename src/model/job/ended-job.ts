/** What is said where only a job that runs or waits can be edited. */
import { HoldfastError } from '../failure.ts';
import { shellWord } from '../shell-word.ts';

/** @param state how it ended */
export function endedJob(workflowId: string, state: string): HoldfastError {
  const job = shellWord(workflowId);
  return new HoldfastError(
    'bad-input',
    `Job ${workflowId} has ended (${state}): what a step comes to is put in while its job runs or waits.`,
    {
      workflowId,
      nextStep:
        `Take it back to a checkpoint, and put it in while it runs again: holdfast rewind ${job} --to NUMBER ` +
        `--reason WHY (the numbers: holdfast checkpoints ${job}).`,
    },
  );
}
