/** The Task Queue that is meant where none is named, and what to type so that a worker polls one. Pure. */
import { shellWord } from './shell-word.ts';

/** The Task Queue of jobs and workers where none is named. */
export const DEFAULT_TASK_QUEUE = 'holdfast';

export function workerCommand(taskQueue: string): string {
  return taskQueue === DEFAULT_TASK_QUEUE ? 'holdfast worker' : `holdfast worker --task-queue ${shellWord(taskQueue)}`;
}
