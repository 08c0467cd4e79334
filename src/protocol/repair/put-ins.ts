/** What people have put in by hand, as the chain has it. */
import { editStep } from '../../model/step/built-in/edit.ts';
import { asPutIns, type PutIn } from '../../model/record/put-in.ts';
import type { ChainRecord, StepRecord } from '../../model/record/record.ts';

/** For those of these records that stand for code that never ran. Pure. @param chain in its order */
export function putInsOf(chain: readonly ChainRecord[], records: readonly StepRecord[]): Record<string, PutIn> {
  const found: Record<string, PutIn> = {};
  for (const { step, stepId, seq } of records) {
    if (step !== editStep.name) continue;
    const edit = chain.findLast(
      (one) => one.kind === 'decision' && one.seq < seq && one.edits !== undefined && one.edits.stepId === stepId,
    );
    if (edit?.kind === 'decision' && edit.edits !== undefined) Object.assign(found, asPutIns(edit.edits));
  }
  return found;
}
