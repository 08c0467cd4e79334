/**
 * How a job ends: by itself, because a person aborts it (and perhaps has it undone), or because it is cancelled. One
 * machine, so that all who wait look at the same state:
 *
 * | state          | abort        | undo           | cancel    | undo-begins  | end    |
 * |----------------|--------------|----------------|-----------|--------------|--------|
 * | running        | aborted      | undo-requested | cancelled | impossible   | ending |
 * | cancelled      | aborted      | undo-requested | .         | impossible   | ending |
 * | aborted        | .            | refused        | .         | impossible   | ending |
 * | undo-requested | undo-revoked | refused        | .         | undoing      | impossible |
 * | undo-revoked   | .            | refused        | .         | undo-stopped | impossible |
 * | undoing        | undo-stopped | refused        | .         | .            | ending |
 * | undo-stopped   | .            | refused        | .         | .            | ending |
 * | ending         | refused      | refused        | .         | impossible   | .      |
 *
 * `.`: the state stays, and whoever came first counts. `refused`: the person is told why. `impossible`: a defect.
 *
 * `abort` and `undo` come from a person, by Signal or as an answer; `undo` is an abort with `compensate`. `cancel` is
 * Temporal's cancellation: it ends a job, but neither an undoing nor the release. A Run that carries an undoing on
 * begins in `undoing`.
 */
import { invariant } from '../invariant.ts';

export const ENDING_STATES = [
  'running',
  'cancelled',
  'aborted',
  'undo-requested',
  'undo-revoked',
  'undoing',
  'undo-stopped',
  'ending',
] as const;
export type EndingState = (typeof ENDING_STATES)[number];

export const ENDING_EVENTS = ['abort', 'undo', 'cancel', 'undo-begins', 'end'] as const;
export type EndingEvent = (typeof ENDING_EVENTS)[number];

export type EndingTarget = EndingState | '.' | 'refused' | 'impossible';

/** Columns as in `ENDING_EVENTS`. */
type Row = readonly [EndingTarget, EndingTarget, EndingTarget, EndingTarget, EndingTarget];
const TABLE: Readonly<Record<EndingState, Row>> = {
  running: ['aborted', 'undo-requested', 'cancelled', 'impossible', 'ending'],
  cancelled: ['aborted', 'undo-requested', '.', 'impossible', 'ending'],
  aborted: ['.', 'refused', '.', 'impossible', 'ending'],
  'undo-requested': ['undo-revoked', 'refused', '.', 'undoing', 'impossible'],
  'undo-revoked': ['.', 'refused', '.', 'undo-stopped', 'impossible'],
  undoing: ['undo-stopped', 'refused', '.', '.', 'ending'],
  'undo-stopped': ['.', 'refused', '.', '.', 'ending'],
  ending: ['refused', 'refused', '.', 'impossible', '.'],
};

/** Why nothing is decided in a state any more; undefined: questions are answered. */
const NOTHING_IS_DECIDED: Readonly<Record<EndingState, string | undefined>> = {
  running: undefined,
  cancelled: 'the job was cancelled',
  aborted: 'the job was aborted already',
  'undo-requested': 'the job was aborted already, and its undoing begins',
  'undo-revoked': 'the job was aborted already, and its undoing was ended',
  undoing: undefined,
  'undo-stopped': 'the undoing of the job was ended already',
  ending: 'the job is ending already',
};

/** Why an undoing can't be asked for any more. */
const NOTHING_MORE_IS_UNDONE: Partial<Record<EndingState, string>> = {
  aborted: 'the job was aborted already',
  ending: 'the job is ending already',
};
const UNDONE_ALREADY = 'the job is being undone already; abort without compensate ends that';

/** Where an event leads. Total: every event is answered in every state. */
export function endingTarget(state: EndingState, event: EndingEvent): EndingTarget {
  return TABLE[state][ENDING_EVENTS.indexOf(event)]!;
}

/** The state after an event that is neither refused nor impossible. */
export function nextEnding(state: EndingState, event: EndingEvent): EndingState {
  const target = endingTarget(state, event);
  invariant(target !== 'refused' && target !== 'impossible', `a job that is ${state} has no transition for ${event}`);
  return target === '.' ? state : target;
}

/** Why what a person asks for can't be done now; undefined when it can. */
export function whyRefused(state: EndingState, event: 'abort' | 'undo'): string | undefined {
  if (endingTarget(state, event) !== 'refused') return undefined;
  return NOTHING_MORE_IS_UNDONE[state] ?? UNDONE_ALREADY;
}

/** Why no question is answered any more; undefined when it is. */
export function whyUndecidable(state: EndingState): string | undefined {
  return NOTHING_IS_DECIDED[state];
}

/** Has the undoing begun? Then no step runs any more. */
export function hasUndoingBegun(state: EndingState): boolean {
  return state === 'undoing' || state === 'undo-stopped';
}
