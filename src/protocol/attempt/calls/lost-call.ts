/**
 * A call of a step whose record is lost: nobody knows whether it was made. It is taken for one that an attempt of then
 * began, under the key that it had: the step's own policy says what follows (a person is asked, unless it says more).
 */
import { digestOf } from '../../../model/digest.ts';
import { performKeyOf, tokenOf } from '../../../model/record/token.ts';
import { requestedStepOf } from '../../../model/sub-step-id.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Claim } from '../claim.ts';
import { LOST_CLAIM } from './lost-claim.ts';

/** Undefined: the record of the step's calls was never lost. */
export function lostCall(claim: Claim, name: string): PerformRow | undefined {
  const { jobId, stepId, generation: wanted } = claim.row;
  const generation = claim.read((ledger) => ledger.meta.unknownCallsOf(requestedStepOf(stepId)));
  if (generation === undefined || generation >= wanted) return undefined;
  const token = tokenOf({ jobId, stepId, generation });
  return {
    token,
    name,
    jobId,
    stepId,
    generation,
    state: 'about',
    key: performKeyOf({ token, name, round: 0 }),
    round: 0,
    inDoubt: 'ask',
    request: { digest: digestOf(null), text: 'not known: the record of it is lost' },
    answers: null,
    answer: null,
    known: null,
    calledIn: generation,
    nonce: LOST_CLAIM,
    note: null,
    at: '',
    wanted: null,
  };
}
