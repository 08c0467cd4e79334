/** A call as the step's code requests it now. */
import type { Json } from '../../../model/canonical-json.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { PerformOptions } from '../../../model/step/step-call.ts';
import type { Attempt } from '../attempt.ts';
import type { CallRequest } from '../../question/doubt.ts';

export interface CallKind {
  /** Does it change nothing on the remote side? */
  readonly isSafe: boolean;
  /** For a person who answers `happened`: what the call's answer looks like. */
  readonly told?: string;
  /** Whether a call that was begun is under way still. Absent: nobody can tell. */
  readonly underway?: (row: PerformRow) => Promise<Underway | undefined>;
}

/** A call of an earlier attempt that goes on. */
export interface Underway {
  /** The rest of a sentence about it, for a person. */
  readonly text: string;
  /** Can it be seen from here? Else it can't be ended either. */
  readonly isSeen: boolean;
  /** @throws HoldfastError `busy` */
  end(): Promise<void>;
}

export interface Call<T extends Json> {
  readonly attempt: Attempt;
  readonly name: string;
  readonly options: PerformOptions<T>;
  readonly kind: CallKind;
  readonly wanted: CallRequest;
}
