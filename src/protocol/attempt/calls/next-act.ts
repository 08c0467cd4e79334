/** What is to be done about a call, by what the ledger has of it. */
import type { Json } from '../../../model/canonical-json.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { DoubtKind } from '../../question/doubt.ts';
import type { Call } from './call.ts';
import { LOST_CLAIM } from './lost-claim.ts';

/** What the ledger says of a call again if making it certainly did nothing. */
export type Fallback = 'withdrawn' | 'about' | 'repeat';

export type NextAct =
  | { readonly kind: 'answer'; readonly row: PerformRow }
  | { readonly kind: 'make'; readonly earlier: PerformRow | undefined; readonly otherwise: Fallback }
  /** Another call under the same name, with a key of its own. */
  | { readonly kind: 'make-anew'; readonly earlier: PerformRow }
  | { readonly kind: 'probe'; readonly row: PerformRow }
  | { readonly kind: 'ask'; readonly row: PerformRow; readonly doubt: DoubtKind; readonly why: string };

/** @param row the call of this generation, or of the latest before it that has made it */
export function nextAct<T extends Json>(call: Call<T>, row: PerformRow | undefined): NextAct {
  const make = (otherwise: Fallback): NextAct => ({ kind: 'make', earlier: row, otherwise });
  if (row === undefined) return make('withdrawn');
  if (row.inDoubt === 'safe') return isSafelyAnswered(row, call) ? { kind: 'answer', row } : make('withdrawn');
  const unknown = (why: string): NextAct => ({ kind: 'ask', row, doubt: 'outcome-unknown', why });
  switch (row.state) {
    case 'withdrawn':
      return make('withdrawn');
    case 'done':
    case 'kept':
      if (isAnswered(row, call)) return { kind: 'answer', row };
      return mayBeMadeAnew(row, call)
        ? { kind: 'make-anew', earlier: row }
        : { kind: 'ask', row, doubt: 'performed-otherwise', why: MADE_OTHERWISE };
    case 'repeat':
      return isAnswered(row, call) ? make('repeat') : unknown(BEGUN_OTHERWISE);
    case 'about':
      return isAnswered(row, call) ? inDoubtAct(call, row) : unknown(BEGUN_OTHERWISE);
  }
}

const BEGUN = 'an earlier attempt began it and was lost';
const RECORD_LOST = 'the record of what was done then is lost, and with it whether an attempt of then has made it';
const MADE_OTHERWISE =
  'an earlier attempt made it with another request, or after it had been given or had read something else';
const BEGUN_OTHERWISE =
  'an earlier attempt began it and was lost; the request has changed since, or what the step was given or has read';

/** An attempt began the very same call, and nobody knows how it ended. */
function inDoubtAct<T extends Json>({ options }: Call<T>, row: PerformRow): NextAct {
  switch (options.inDoubt ?? 'ask') {
    case 'ask':
      return { kind: 'ask', row, doubt: 'outcome-unknown', why: row.nonce === LOST_CLAIM ? RECORD_LOST : BEGUN };
    case 'repeat':
      return { kind: 'make', earlier: row, otherwise: 'about' };
    case 'probe':
      return { kind: 'probe', row };
  }
}

/**
 * A person has said that the step runs again, and was told nothing of what its calls will request then. A call that the
 * step declares repeatable needs no second word; it is asked about as ever once it was made in this run.
 */
function mayBeMadeAnew<T extends Json>({ generation, at }: PerformRow, { attempt, options }: Call<T>): boolean {
  const { rejection, generation: wanted } = attempt.claim.row;
  const isOfRejectedDraft = rejection?.at !== undefined && at < rejection.at;
  return options.inDoubt === 'repeat' && (generation < wanted || isOfRejectedDraft);
}

/**
 * Is the row about what is requested now? A step that runs again on purpose was given something else; then the request
 * alone tells, if there is one.
 */
function isAnswered<T extends Json>(
  { answers, generation, state }: PerformRow,
  { attempt, options, wanted }: Call<T>,
): boolean {
  if (answers === null) return true;
  if (answers.request !== wanted.request) return false;
  if (answers.reads === wanted.reads) return true;
  const isEarlierGeneration = generation < attempt.claim.row.generation;
  return isEarlierGeneration && (state === 'done' || state === 'kept' || options.request !== undefined);
}

function isSafelyAnswered<T extends Json>(
  { state, token, answers }: PerformRow,
  { attempt, wanted }: Call<T>,
): boolean {
  return (
    state === 'done' &&
    token === attempt.claim.row.token &&
    answers?.request === wanted.request &&
    answers.reads === wanted.reads
  );
}
