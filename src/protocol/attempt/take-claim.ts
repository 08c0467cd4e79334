/** How an attempt takes its token: whichever attempt had it is refused at its next durable act. */
import { randomUUID } from 'node:crypto';
import { invariant } from '../../model/invariant.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Caller } from '../host.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { Claim } from './claim.ts';
import type { ClaimRow } from '../../store/ledger/claims.ts';

export interface ClaimScope {
  readonly workspace: Workspace;
  readonly caller: Caller;
  /** Call under its lock. */
  readonly ledger: Ledger;
}

export type NewClaim = Pick<ClaimRow, 'token' | 'jobId' | 'stepId' | 'generation' | 'args' | 'workerId'> & {
  /** What `args` is the digest of, where a compensation may need it. */
  readonly argsBytes?: Uint8Array | undefined;
};

export function takeClaim({ workspace, caller, ledger }: ClaimScope, { argsBytes, ...fields }: NewClaim): Claim {
  const earlier = ledger.claim(fields.token);
  faultPoint('claim.before');
  const row = ledger.transaction(
    () => {
      const taken: ClaimRow = {
        ...fields,
        nonce: randomUUID(),
        state: 'open',
        ordinal: ledger.nextOrdinal(),
        attempts: (earlier?.attempts ?? 0) + 1,
        failures: earlier?.failures ?? 0,
        dropped: earlier?.dropped ?? 0,
        draft: draftOf(earlier, fields.args),
        rejection: earlier?.rejection ?? null,
      };
      invariant(earlier === undefined || taken.ordinal > earlier.ordinal, 'a later claim has a higher ordinal');
      ledger.putClaim(taken);
      // Arguments that hold a secret are refused before the code runs, and not stored.
      if (
        argsBytes !== undefined &&
        earlier?.args !== fields.args &&
        workspace.secrets.whichIn(argsBytes) === undefined
      )
        ledger.putContent(fields.args, argsBytes);
      return taken;
    },
    // A power loss ends every worker, and a new worker's first request is verified anyway.
    { relaxed: true },
  );
  faultPoint('claim.after');
  return new Claim(workspace, caller, ledger, row);
}

/** Values that were computed from other arguments stay as evidence, and are not used. */
function draftOf(earlier: ClaimRow | undefined, args: ClaimRow['args']): number {
  if (earlier === undefined) return 0;
  return earlier.args === args ? earlier.draft : earlier.draft + 1;
}
