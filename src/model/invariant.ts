/**
 * Assertions at run time, where a wrong state would break a guarantee: before an act that cannot be taken back, and
 * after it. A failed one is a defect of Holdfast: nothing goes on from it.
 */
import { HoldfastError } from './failure.ts';

/** @throws HoldfastError `defect` unless `condition` holds */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new HoldfastError('defect', `Invariant broken: ${message}.`);
}
