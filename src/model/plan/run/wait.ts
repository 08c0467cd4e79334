/** The built-in step `wait`: a timer of the scheduler's own. */
import type { Json } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { waitStep } from '../../step/built-in/wait.ts';
import type { PlanStep } from '../plan.ts';

/** @throws HoldfastError `bad-input` */
export function checkWait({ id }: PlanStep, input: Json): void {
  if (waitStep.input.safeParse(input).success) return;
  const expected = 'either `seconds` (a number from 0 on) or `until` (a time with its zone)';
  throw new HoldfastError('bad-input', `Step "${id}" (wait) needs ${expected}; found ${JSON.stringify(input)}.`, {
    stepId: id,
  });
}

/** How long it waits, in milliseconds; 0 for a moment that has passed. */
export function waitMs(input: Json, nowMs: number): number {
  const { seconds, until } = waitStep.input.parse(input);
  return seconds === undefined ? Math.max(0, Date.parse(until!) - nowMs) : Math.round(seconds * 1000);
}
