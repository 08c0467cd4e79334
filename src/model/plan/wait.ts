/** The built-in step `wait`: a timer of the scheduler's own. */
import { waitStep } from '../step/built-in/wait.ts';
import type { Json } from '../canonical-json.ts';
import { HoldfastError } from '../failure.ts';
import type { PlanStep } from './plan.ts';

export function checkWait(step: PlanStep, input: Json): void {
  const wait = waitStep.input.safeParse(input);
  if (!wait.success)
    throw new HoldfastError(
      'bad-input',
      `Step "${step.id}" (wait) needs either \`seconds\` (a number from 0 on) or \`until\` (a time with its zone); found ${JSON.stringify(input)}.`,
      { stepId: step.id },
    );
}

export function waitMs(input: Json, nowMs: number): number {
  const { seconds, until } = waitStep.input.parse(input);
  return seconds === undefined ? Math.max(0, Date.parse(until!) - nowMs) : Math.round(seconds * 1000);
}
