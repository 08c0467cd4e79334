/**
 * What of a Run's results the next one is given, so that all that it is given fits into one payload.
 *
 * Invariant: of all that is handed on only results give way: the record answers for them, and for nothing else.
 */
import { jsonBytes, type Json } from '../../model/canonical-json.ts';
import { continueWith, MAX_CARRIED_BYTES, type Carried } from './continue-as-new.ts';
import type { JobParts } from './parts.ts';

/** Below the 2 MB (2,097,152 bytes) of the server, with what encryption adds. */
export const MAX_HANDED_ON_BYTES = 1_900_000;
/** Of the Workflow's own arguments: larger ones leave no room beside them. */
const MAX_ARGUMENTS_BYTES = 500_000;
/** What is taken off besides, so that few tries do. */
const MARGIN_BYTES = 1_000;

/** What is carried, with at most so many bytes of results. */
export type CarriedWith = (resultBytes: number) => Carried;

/** @throws ContinueAsNew, always */
export function continueWithin(carriedWith: CarriedWith, args: readonly unknown[]): Promise<never> {
  const { carried, isBeside } = handedOn(carriedWith, args);
  return continueWith(carried, args, isBeside);
}

export interface HandedOn {
  readonly carried: Carried;
  /** Beside the Workflow's own arguments, or alone, in the memo. */
  readonly isBeside: boolean;
}

export function handedOn(carriedWith: CarriedWith, args: readonly unknown[]): HandedOn {
  const argsBytes = bytesOf(args);
  const mayBeBeside = argsBytes <= MAX_ARGUMENTS_BYTES;
  const whole = carriedWith(MAX_CARRIED_BYTES);
  const wholeBytes = bytesOf(whole);
  if (wholeBytes + (mayBeBeside ? argsBytes : 0) <= MAX_HANDED_ON_BYTES)
    return { carried: whole, isBeside: mayBeBeside };
  const leastBytes = bytesOf(carriedWith(0));
  const isBeside = mayBeBeside && leastBytes + argsBytes <= MAX_HANDED_ON_BYTES;
  const roomBytes = MAX_HANDED_ON_BYTES - (isBeside ? argsBytes : 0);
  return { carried: fitting(carriedWith, roomBytes, wholeBytes - leastBytes), isBeside };
}

/** @param resultBytes of all results, as they are written */
function fitting(carriedWith: CarriedWith, roomBytes: number, resultBytes: number): Carried {
  const carried = carriedWith(resultBytes);
  const overBytes = bytesOf(carried) - roomBytes;
  if (overBytes <= 0 || resultBytes === 0) return carried;
  return fitting(carriedWith, roomBytes, Math.max(0, resultBytes - overBytes - MARGIN_BYTES));
}

/** @param isAgain all are noted again */
export function carriedNotes(
  { checkpoints, resuming }: Pick<JobParts, 'checkpoints' | 'resuming'>,
  isAgain: boolean,
): Carried['checkpoints'] {
  // Of a record that is not found yet nothing counts as recorded, and nothing is noted again.
  return isAgain || resuming.isUnfinished ? checkpoints.carriedAgain : checkpoints.carried;
}

function bytesOf(value: unknown): number {
  return jsonBytes(value as Json);
}
