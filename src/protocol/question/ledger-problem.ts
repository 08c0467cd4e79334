/** What is wrong with a job's ledger, found as data, and what a person is asked about it. */
import type { Digest } from '../../model/digest.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { StepRecord } from '../../model/record/record.ts';
import { damagedLedgerFinding, ledgerBehindFinding } from './ledger.ts';
import {
  aheadFinding,
  takenBackAfterResetFinding,
  undoneAfterResetFinding,
  type ForgottenRerun,
  type ForgottenUndoing,
} from './reset.ts';

export type LedgerProblem =
  | { readonly kind: 'damaged'; readonly problems: readonly string[] }
  | {
      readonly kind: 'behind';
      /** What the Workflow has. */
      readonly known: ChainPlace;
      readonly lastSeq: number;
      /** The ledger's head at the known place, if it reaches it. */
      readonly head: Digest | undefined;
    }
  | { readonly kind: 'undone-after-reset'; readonly undoing: ForgottenUndoing }
  | { readonly kind: 'taken-back-after-reset'; readonly rerun: ForgottenRerun }
  | { readonly kind: 'ahead-after-reset'; readonly record: StepRecord };

export function ledgerProblemFinding(problem: LedgerProblem): Finding {
  switch (problem.kind) {
    case 'damaged':
      return damagedLedgerFinding(problem.problems);
    case 'behind':
      return ledgerBehindFinding(problem.known, problem);
    case 'undone-after-reset':
      return undoneAfterResetFinding(problem.undoing);
    case 'taken-back-after-reset':
      return takenBackAfterResetFinding(problem.rerun);
    case 'ahead-after-reset':
      return aheadFinding(problem.record);
  }
}

/** An older record says nothing of the world as it should be, and no term is raised from it. */
export function isUnusableRecord({ kind }: LedgerProblem): boolean {
  return kind === 'damaged' || kind === 'behind';
}
