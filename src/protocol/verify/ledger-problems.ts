/** Looks for what is wrong with the ledger itself: damaged, behind the Workflow, or ahead of it after a reset. */
import type { VerifyWorldRequest } from '../../model/job/verify-world.ts';
import type { LedgerProblem } from '../question/ledger-problem.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { ForgottenSteps } from './forgotten-steps.ts';

/** forgotten: has read the chain. damage: what the check of the chain found. The gravest alone is returned. */
export function findLedgerProblems(
  ledger: Ledger,
  { jobId, known }: Pick<VerifyWorldRequest, 'jobId' | 'known'>,
  forgotten: ForgottenSteps,
  damage: readonly string[] = [],
): readonly LedgerProblem[] {
  if (damage.length > 0) return [{ kind: 'damaged', problems: damage }];
  if (ledger.headAt(jobId, known.seq) !== known.head) {
    const lastSeq = ledger.job(jobId)?.at.seq ?? 0;
    return [{ kind: 'behind', known, lastSeq, head: ledger.headAt(jobId, known.seq) }];
  }
  const { undoing } = forgotten;
  if (undoing !== undefined) return [{ kind: 'undone-after-reset', undoing }];
  return [
    ...forgotten.takenBack.map((rerun) => ({ kind: 'taken-back-after-reset', rerun }) as const),
    ...forgotten.records().map((record) => ({ kind: 'ahead-after-reset', record }) as const),
  ];
}
