/** A call that is answered from the record. */
import type { Json } from '../../../model/canonical-json.ts';
import { sha256Hex, type Digest } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Attempt } from '../attempt.ts';

/** @throws HoldfastError `ledger-damaged` for an answer that is not the one which the step's record names */
export function recordedAnswer<T extends Json>(attempt: Attempt, row: PerformRow): T {
  const digest = digestInRecord(attempt, row);
  if (row.answer === null || (digest !== undefined && digest !== sha256Hex(row.answer)))
    throw new HoldfastError(
      'ledger-damaged',
      `The ledger's answer of ${row.name} of step ${row.stepId} is not the one that its record names.`,
      { name: row.name },
    );
  attempt.stage.performed.set(row.name, row);
  return JSON.parse(row.answer) as T;
}

/** Undefined: no record names the call. Only one of an earlier generation can. */
function digestInRecord({ claim }: Attempt, { token, name }: PerformRow): Digest | undefined {
  if (token === claim.row.token) return undefined;
  const applied = claim
    .stepRecordOf(token)
    ?.effects.find(({ effect }) => effect.kind === 'perform' && effect.name === name);
  return applied?.effect.kind === 'perform' ? applied.effect.answer : undefined;
}
