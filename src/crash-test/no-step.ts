/** How points outside of any step are named. */

/**
 * What is passed in no step: comparisons and the end of a job, and what a worker does outside of both. How often that
 * is, is told by what a process does before; so it is met in the first one alone.
 */
export const OF_JOB = 'job';
export const OF_WORKER = 'worker';

export function isOfNoStep(step: string): boolean {
  return step === OF_JOB || step === OF_WORKER;
}
