/** A call as the step's code requests it now. */
import type { Json } from '../../../model/canonical-json.ts';
import type { PerformOptions } from '../../../model/step/step-call.ts';
import type { Attempt } from '../attempt.ts';
import type { CallRequest } from '../../question/doubt.ts';

export interface CallKind {
  /** Does it change nothing on the remote side? */
  readonly isSafe: boolean;
  /** For a person who answers `happened`: what the call's answer looks like. */
  readonly told?: string;
}

export interface Call<T extends Json> {
  readonly attempt: Attempt;
  readonly name: string;
  readonly options: PerformOptions<T>;
  readonly kind: CallKind;
  readonly wanted: CallRequest;
}
