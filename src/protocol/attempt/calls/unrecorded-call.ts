/**
 * A call that an attempt of before may have made, in a job whose record was made anew: it is taken for one
 * that was begun, so that the step's own policy says what follows. By default a person is asked.
 */
import type { Json } from '../../../model/canonical-json.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import { mayHaveLostCalls } from '../../checkpoint/lost-calls.ts';
import type { Call } from './call.ts';
import { lostCall } from './lost-call.ts';
import { LOST_CLAIM } from './lost-claim.ts';
import { aboutToBeMade } from './make-call.ts';

/** The call as the ledger has it from now on. Undefined: nobody can have made it. */
export async function unrecordedCall<T extends Json>(call: Call<T>): Promise<PerformRow | undefined> {
  const { attempt, kind } = call;
  const { claim, mayAct } = attempt;
  if (kind.isSafe) return undefined;
  const lost = lostCall(claim, call.name);
  if (lost !== undefined) return lost;
  if (!claim.read((ledger) => mayHaveLostCalls(ledger, claim.row.jobId))) return undefined;
  const row: PerformRow = { ...aboutToBeMade(call, undefined), nonce: LOST_CLAIM };
  await claim.putPerform(undefined, row, mayAct);
  return row;
}
