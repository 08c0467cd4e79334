/** How a call ends its attempt when a person is to be asked about it. */
import type { Json } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import { inDoubtError } from '../in-doubt.ts';
import type { DoubtKind } from '../../question/doubt.ts';
import type { Call } from './call.ts';

/** @throws HoldfastError `in-doubt`, always */
export function askAbout<T extends Json>(
  { attempt: { claim, stage }, name, kind: { told }, wanted }: Call<T>,
  row: PerformRow,
  kind: DoubtKind,
  why: string,
): never {
  stage.inDoubt.set(name, { row, wanted, kind, why, ...defined({ told }) });
  throw inDoubtError(claim.row.stepId, [name]);
}
