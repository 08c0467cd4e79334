/** Decisions that are sealed are carried out before anything is compared or undone. */
import { isFailure } from '../../model/failure.ts';
import type { Finding } from '../../model/question/finding.ts';
import { notCarriedOutFinding } from '../question/ledger.ts';
import type { RepairContext } from '../repair/running/context.ts';
import { rollForwardRepairs } from '../repair/roll-forward.ts';

/** What won't pass by itself is asked about; none: all are carried out. @throws HoldfastError for what may pass */
export async function carryOutDecisions(context: RepairContext): Promise<readonly Finding[]> {
  try {
    await rollForwardRepairs(context);
    return [];
  } catch (error) {
    if (!isFailure(error) || error.retryable) throw error;
    return [notCarriedOutFinding(error)];
  }
}
