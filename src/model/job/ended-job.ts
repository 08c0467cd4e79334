/** What is said where only a job that runs or waits can go back. */
import { HoldfastError } from '../failure.ts';
import { shellWord } from '../shell-word.ts';

/** @param state how it ended */
export function endedJob(workflowId: string, state: string): HoldfastError {
  const job = shellWord(workflowId);
  return new HoldfastError('bad-input', `Job ${workflowId} has ended (${state}): only a job that runs can go back.`, {
    workflowId,
    nextStep:
      `What it was at a checkpoint: holdfast state ${job} --at NUMBER; its files at each step: ` +
      `holdfast export ${job}. Start a new job to do the rest otherwise.`,
  });
}
