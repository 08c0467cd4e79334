/**
 * A decision may make any number of steps run again; one answer of an Activity tells so many of them, the next ones the
 * rest.
 *
 * Invariant: whoever carries out a decision learns of every step that it makes run again.
 */
import { invariant } from '../invariant.ts';
import type { RepairResult } from './repair.ts';

export const MAX_RERUNS_IN_RESULT = 200;

/** As much of a repair as one answer holds. `from`: how many are known. A Workflow before 0.2.0 asks but once. */
export function repairPage(result: RepairResult, from: number | undefined): RepairResult {
  if (result.kind !== 'repaired' || from === undefined) return result;
  const rerunsTotal = result.reruns.length;
  if (rerunsTotal <= MAX_RERUNS_IN_RESULT) return result;
  return { ...result, reruns: result.reruns.slice(from, from + MAX_RERUNS_IN_RESULT), rerunsTotal };
}

/** A repair with all that it makes run again. It is safe to repeat: what was carried out is only told. */
export async function wholeRepair<Request extends object>(
  request: Request,
  call: (request: Request & { readonly rerunsFrom: number }) => Promise<RepairResult>,
): Promise<RepairResult> {
  const first = await call({ ...request, rerunsFrom: 0 });
  if (first.kind !== 'repaired') return first;
  const { rerunsTotal = first.reruns.length, ...result } = first;
  const reruns = [...first.reruns];
  while (reruns.length < rerunsTotal) {
    const next = await call({ ...request, rerunsFrom: reruns.length });
    invariant(next.kind === 'repaired' && next.reruns.length > 0, 'a decision that was carried out is told to its end');
    reruns.push(...next.reruns);
  }
  return { ...result, reruns };
}
