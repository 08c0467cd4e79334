/** How an attempt takes its token: whichever attempt had it is refused at its next durable act. */
import { randomUUID } from 'node:crypto';
import type { Digest } from '../../model/digest.ts';
import { faultPoint } from '../../store/fault-point.ts';
import { Claim, type ClaimScope } from './claim.ts';
import type { ClaimRow } from '../../store/ledger/claims.ts';

export type NewClaim = Pick<ClaimRow, 'token' | 'jobId' | 'stepId' | 'generation' | 'args' | 'workerId'> & {
  /** What `args` is the digest of, where a compensation may need it. */
  readonly argsBytes?: Uint8Array | undefined;
};

/** @param beside what else belongs into the same commit */
export function takeClaim(scope: ClaimScope, { argsBytes, ...fields }: NewClaim, beside?: () => void): Claim {
  const { ledger } = scope;
  const earlier = ledger.claim(fields.token);
  faultPoint('claim.before');
  const row = ledger.transaction(
    () => {
      const taken = nextClaim(earlier, fields, { ordinal: ledger.nextOrdinal(), firstDraft: ledger.meta.firstDraft() });
      ledger.putClaim(taken);
      beside?.();
      if (earlier?.args !== fields.args) keepArguments(scope, fields.args, argsBytes);
      return taken;
    },
    // A power loss ends every worker, and a new worker's first request is verified anyway.
    { relaxed: true },
  );
  faultPoint('claim.after');
  return new Claim(scope, row, { isFirst: earlier === undefined });
}

/**
 * The claim of a sub-step: that of the step around it fences it, so that nothing is written for it yet.
 * @param options.earlier `none`: the token has had no claim. Default: the ledger is asked
 */
export function claimWithin(
  scope: ClaimScope,
  { argsBytes, ...fields }: NewClaim,
  options: { readonly within: Claim; readonly earlier?: 'none' },
): Claim {
  const { ledger } = scope;
  const { within } = options;
  const earlier = options.earlier === 'none' ? undefined : ledger.claim(fields.token);
  const isFirst = earlier === undefined;
  const { ordinal, attempts } = within.row;
  const numbers = { ordinal: Math.max(ordinal, earlier?.ordinal ?? 0), firstDraft: ledger.meta.firstDraft() };
  const next = nextClaim(earlier, fields, numbers);
  // What an attempt of the step around it left behind is looked for.
  const row = { ...next, attempts: Math.max(next.attempts, attempts) };
  if (argsBytes === undefined) return new Claim(scope, row, { within, isFirst });
  // A compensation finds the arguments by the row.
  const keep = (): void => {
    ledger.putClaim(row);
    keepArguments(scope, fields.args, argsBytes);
  };
  ledger.transaction(keep, { relaxed: true });
  return new Claim(scope, row, { within, isFirst, isStored: true });
}

/** Arguments that hold a secret are refused before the code runs, and not stored. */
function keepArguments({ workspace, ledger }: ClaimScope, args: Digest, bytes: Uint8Array | undefined): void {
  if (bytes !== undefined && workspace.secrets.whichIn(bytes) === undefined) ledger.putContent(args, bytes);
}

function nextClaim(
  earlier: ClaimRow | undefined,
  fields: Omit<NewClaim, 'argsBytes'>,
  { ordinal, firstDraft }: { readonly ordinal: number; readonly firstDraft: number },
): ClaimRow {
  return {
    ...fields,
    nonce: randomUUID(),
    state: 'open',
    ordinal,
    attempts: (earlier?.attempts ?? 0) + 1,
    failures: earlier?.failures ?? 0,
    dropped: earlier?.dropped ?? 0,
    draft: earlier === undefined ? firstDraft : draftAfter(earlier, fields.args),
    rejection: earlier?.rejection ?? null,
  };
}

/** Values that were computed from other arguments stay as evidence, and are not used. */
function draftAfter(earlier: ClaimRow, args: ClaimRow['args']): number {
  return earlier.args === args ? earlier.draft : earlier.draft + 1;
}
