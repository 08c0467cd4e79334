/**
 * A failure that a Workflow has been told and goes on from (`onFailure: 'fail-for-good'`): the ledger keeps it, so that
 * a replay, a reset and a new Run are told the same, and what was told to have failed never happens later.
 *
 * Invariant: it is durable before anybody is told of it.
 */
import * as z from 'zod';
import { canonicalJson } from '../../model/canonical-json.ts';
import { digestOf } from '../../model/digest.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { ClaimRow } from '../../store/ledger/claims.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

type FailedResult = Extract<RunStepResult, { kind: 'failed' }>;

/** Among the values of `ctx.once`: of this draft, and gone with it. */
const NAME = 'holdfast: failed for good';
const READS = digestOf(NAME);
const FailureSchema = z.strictObject({ type: z.string(), message: z.string() });

/** Call under the lock, in a transaction. */
export function rememberFailure(ledger: Ledger, { token, draft }: ClaimRow, { type, message }: FailedResult): void {
  ledger.once.put(token, draft, NAME, { value: canonicalJson({ type, message }, 'a failure'), reads: READS });
}

/** Call under the lock. */
export function rememberedFailure(ledger: Ledger, { token, draft }: ClaimRow): FailedResult | undefined {
  const kept = ledger.once.find(token, draft, NAME);
  return kept === undefined ? undefined : { kind: 'failed', ...FailureSchema.parse(JSON.parse(kept.value)) };
}
