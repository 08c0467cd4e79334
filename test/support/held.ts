/** Activities of this process held up at a fault point, so that what comes late comes late in every run of a test. */
import { Context } from '@temporalio/activity';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../src/model/failure.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import { untilTrue } from './until.ts';

/** Every Activity that comes to the point meanwhile fails, and is tried again. */
export async function whileHeldAt(
  point: FaultPoint,
  begin: () => Promise<unknown>,
  act: () => Promise<unknown>,
): Promise<void> {
  let isReached = false;
  setFaultHook((at) => {
    if (at !== point) return;
    isReached = true;
    throw new HoldfastError('busy', 'Held by the test.');
  });
  await begin();
  await untilTrue(() => isReached);
  await act();
  // Until the Workflow has taken it.
  await delay(500);
  setFaultHook(undefined);
}

/** The answer of a step's next attempt stays on the way until `letGo`. */
export function delayAnswerOf(stepId: string): { readonly isHeld: () => boolean; readonly letGo: () => void } {
  let isHeld = false;
  let letGo = (): void => undefined;
  const isLetGo = new Promise<void>((resolve) => (letGo = resolve));
  setFaultHook(async (point) => {
    if (point !== 'activity.answer' || Context.current().info.activityId !== stepId || isHeld) return;
    isHeld = true;
    await isLetGo;
  });
  return { isHeld: () => isHeld, letGo };
}
