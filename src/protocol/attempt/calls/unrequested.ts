/**
 * Calls of earlier attempts that the step's code, which has ended, did not request.
 *
 * Invariant: a call that was made, or may have been, and that no record names is asked about before its step is
 * recorded without it.
 */
import { sha256Hex } from '../../../model/digest.ts';
import type { PerformEffect } from '../../../model/record/effect.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Claim } from '../claim.ts';
import type { Doubt } from '../../question/doubt.ts';
import type { Stage } from '../stage.ts';

/** What a person is asked before the step is recorded. */
export function unaskedDoubts(unrequested: readonly PerformRow[], stage: Stage): Doubt[] {
  return unrequested.flatMap((row): Doubt[] => {
    // The code went on after a repeat that certainly did not happen; the call that it was to repeat may have happened.
    const isUnrepeated = row.state === 'repeat' && row.nonce !== '' && stage.takenNames.has(row.name);
    if (row.state === 'about' || isUnrepeated)
      return [{ row, wanted: null, kind: 'outcome-unknown', why: UNKNOWN_AND_UNREQUESTED }];
    return row.state === 'done'
      ? [{ row, wanted: null, kind: 'performed-and-not-asked-for', why: MADE_AND_UNREQUESTED }]
      : [];
  });
}

const UNKNOWN_AND_UNREQUESTED = 'it was begun, whether it happened is not known, and the step ends without its answer';
const MADE_AND_UNREQUESTED = 'an earlier attempt made it, and the step does not request it any more';

/** What the record names, by name: the calls that the code has the answers of, and those that a person said stay. */
export function performEffects(unrequested: readonly PerformRow[], stage: Stage): PerformEffect[] {
  const kept = unrequested.filter(({ state }) => state === 'kept');
  return [...stage.performed.values(), ...kept]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, key, request, answer, known, calledIn }) => ({
      kind: 'perform',
      name,
      key,
      request: { ...request },
      answer: sha256Hex(answer ?? 'null'),
      known: known ?? 'called',
      generation: calledIn,
    }));
}

/** Those of the same step that the code has no answer of, unless the record of an earlier generation names them. */
export function unrequestedCalls(ledger: Ledger, claim: Claim, stage: Stage): PerformRow[] {
  const { jobId, stepId, generation, token } = claim.row;
  return ledger.performsInForce(jobId, stepId, generation).filter((row) => {
    const isUnrecorded = row.token === token || ledger.stepRecord(row.token) === undefined;
    return row.inDoubt !== 'safe' && !stage.performed.has(row.name) && isUnrecorded;
  });
}
