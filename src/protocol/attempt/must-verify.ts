/** Why an attempt ends without a word to its code: the world has to be compared before the step can go on. */
import type { VerificationReason } from '../../model/job/verify-world.ts';

/** Unwinds a step's code. Not a failure of the step. */
export class MustVerify extends Error {
  override readonly name = 'MustVerify';
  readonly reason: VerificationReason;
  /** What differs, where it is one thing. */
  readonly resource: string | undefined;

  constructor(reason: VerificationReason, detail: string, resource?: string) {
    super(detail);
    this.reason = reason;
    this.resource = resource;
  }
}
