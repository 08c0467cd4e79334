/**
 * What a test does at a fault point, in this process. A hook that was not reached is removed by the test's clean-up.
 */
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';

/** Does something the first time that a point is reached. */
export function onceAt(point: FaultPoint, act: () => void): void {
  setFaultHook((reached) => {
    if (reached !== point) return;
    setFaultHook(undefined);
    act();
  });
}

/** Throws the first time that a point is reached, as when the worker dies there. */
export function dieAt(point: FaultPoint, error: Error = new Error('the worker dies here')): void {
  onceAt(point, () => {
    throw error;
  });
}
